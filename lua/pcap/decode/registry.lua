--- The table of dispatch with protocols in place of their names, and with what programs add to it.

local check = require "pcap.core.check"
local dispatch = require "pcap.decode.dispatch"
local follow = require "pcap.decode.follow"
local walk = require "pcap.decode.walk"

local registry = {}

local function protocol_of(named)
  return type(named) == "string" and require("pcap.decode." .. named) or named
end

-- These end the walk at the beginning of a tunnel. What the tunnel carries is for the object of
-- what is inside.
local tunnels = {}
for space in pairs(dispatch) do
  tunnels[space] = {
    decode = function(self, _, _, at, limit, stop, number)
      if at < limit then
        self._space, self._number = space, number
      end
      return nil, nil, at, limit, stop
    end,
  }
end

local UNKNOWN_LINKTYPE = {
  decode = function(self, _, _, at, limit, stop, number)
    return follow.fail(self, ("link type %d is not decoded"):format(number), at, limit, stop)
  end,
}

-- A space that makes a protocol, and loads its file, when a packet first has it.
local function lazily(instead, made, space)
  return setmetatable({}, { __index = function(self, number)
    local named = dispatch[space][number]
    if not named then
      return space == "linktype" and UNKNOWN_LINKTYPE or nil
    end
    local protocol = protocol_of(instead and instead[space] and instead[space][number] or named)
    made[protocol] = made[protocol] or walk.make(protocol)
    self[number] = made[protocol]
    return made[protocol]
  end })
end

--- The spaces of one layers object. Most programs meet only one link type.
---@return table spaces
---@return table made  by protocol: what stands for it in the spaces
---@return table keys  the keys of its headers
function registry.resolve()
  local spaces, made, keys = {}, {}, {}
  for space, numbers in pairs(dispatch) do
    local own, inner = {}, {}
    for number, named in pairs(numbers) do
      inner[number] = tunnels[space]
      if space ~= "linktype" then
        local protocol = protocol_of(named)
        made[protocol] = made[protocol] or walk.make(protocol)
        own[number] = made[protocol]
        keys[protocol.name or "last"] = true
      end
    end
    spaces[space], spaces["inner_" .. space] = own, inner
  end
  spaces.linktype = lazily(nil, made, "linktype")
  return spaces, made, keys
end

--- The same, but it makes nothing before a packet has it. This is for what is deep in tunnels: a
-- stranger may send thousands of levels.
---@param instead? table  by space and number: protocols that replace those in the table of dispatch
---@return table spaces
---@return table made
function registry.resolve_lazily(instead)
  local made = {}
  local spaces = setmetatable({}, { __index = function(self, space)
    local tunnel = space:match("^inner_(.*)")
    self[space] = tunnel and setmetatable({}, { __index = function(_, number)
      return dispatch[tunnel][number] and tunnels[tunnel]
    end }) or lazily(instead, made, space)
    return self[space]
  end })
  return spaces, made
end

--- Adds a protocol, or a number of a protocol, to the table of dispatch. Layers objects that are
-- made from now on know it.
---
---     decode.add("udp", 2153, "gtp")
---
---@param space string    a name in the table of dispatch, such as "linktype" or "udp"
---@param number integer  in it
---@param protocol string|table  the file's name in pcap/decode, or what such a file returns
function registry.add(space, number, protocol)
  if type(space) ~= "string" or not dispatch[space] then
    check.fail(1, "add", "space of the table of dispatch expected, got " .. tostring(space))
  end
  number = check.integer(number, 2, "add", 0, 2 ^ 31 - 1)
  if type(protocol) == "string" then
    local found, file = pcall(require, "pcap.decode." .. protocol)
    if not found or type(file) ~= "table" or not file.decode then
      check.fail(3, "add", ("no protocol has the name %q"):format(protocol))
    end
  elseif type(protocol) ~= "table" or type(protocol.decode) ~= "function" then
    check.fail(3, "add", "name of a protocol, or table with 'decode' expected, got "
      .. type(protocol))
  end
  dispatch[space][number] = protocol
end

return registry
