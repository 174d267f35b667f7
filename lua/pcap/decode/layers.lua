--- The layers object: filled anew from each packet, header by header, by the table of dispatch.
--
-- Ownership: a view holds a copy of its header and stays as it is until the object's next
-- packet. payload() and verify() read the packet itself, so they are for as long as the packet
-- is valid; past that they may see another packet, never memory that is not the capture's.

local bit = require "bit"
local ffi = require "ffi"
local check = require "pcap.core.check"
local checksum = require "pcap.decode.checksum"
local dispatch = require "pcap.decode.dispatch"
local flow = require "pcap.decode.flow"
local follow = require "pcap.decode.follow"
local packet = require "pcap.packet"

local tobit = bit.tobit
local istype, new_packet = ffi.istype, packet.new
local rawset = rawset
local bytes_pointer = ffi.typeof("const uint8_t *")
local packet_type = ffi.typeof("luapcap_packet")

local layers = {}

-- Positions are whole numbers of 32 bits with a sign, which a length on the wire may be beyond.
local LONGEST = 2 ^ 31 - 1

local Layers = { __name = "pcap layers" }
Layers.__index = Layers

-- What a packet leaves in the object beside its headers.
local RESULTS = { "error", "inner", "last", "_space", "_number" }

-- The table of dispatch with decoders, and views of one object's own, in the place of names; and
-- the keys of all headers.
local function resolve()
  local spaces, made, keys = {}, {}, {}
  for space, numbers in pairs(dispatch) do
    spaces[space] = {}
    for number, file in pairs(numbers) do
      local protocol = require("pcap.decode." .. file)
      made[file] = made[file]
        or { decode = protocol.decode, header = protocol.view and protocol.view() }
      spaces[space][number] = made[file]
      if protocol.name then
        keys[protocol.name] = true
      end
    end
  end
  return spaces, keys
end

local function unknown_linktype(linktype)
  local message = ("link type %d is not decoded"):format(linktype)
  return {
    decode = function(self, _, _, at, limit, stop)
      return follow.fail(self, message, at, limit, stop)
    end,
  }
end

local function finish(self, at, limit, stop)
  self.payload_begin, self.payload_end, self.payload_length = at + 1, limit, stop - at
end

-- One header. What nothing in the table of dispatch knows is payload.
local STEP = [[
  protocol = space and spaces[space][number]
  if not protocol then
    finish(self, at, limit, stop)
    return
  end
  space, number, at, limit, stop
    = protocol.decode(self, protocol.header, data, at, limit, stop, number)
]]

-- A stack of headers is walked by code that is written out: with a loop here, or a function called
-- for each header, the caller's loop would not compile. Few stacks are higher than this; traces of
-- 50 headers make LuaJIT crash.
local WRITTEN_OUT = 12

local BEGIN = "local finish, rawset, climb_on = ...\n"
  .. "return function(self, data, space, number, at, limit, stop)\n"
  .. "  local spaces, protocol = self._spaces\n"

local loop = assert(loadstring(BEGIN .. "while true do\n" .. STEP .. "end end", "=loop"))(finish)

-- The rest of a higher stack, in a loop. It is called by way of gsub, which LuaJIT does not
-- compile: a trace ends there and another begins behind it, where one that met the loop would be
-- given up, and after some such packets the caller's loop with it.
local climb_on
do
  local self, data, space, number, at, limit, stop
  local function climb()
    loop(self, data, space, number, at, limit, stop)
  end
  climb_on = function(...)
    self, data, space, number, at, limit, stop = ...
    string.gsub("-", "-", climb)
    self, data = nil, nil
  end
end

local walks = {}

-- A function that sets what the packet before has left to nil, and then decodes all headers.
-- Objects with the same keys share one, for compiled code is made for one function.
local function walk_of(keys)
  table.sort(keys)
  local lines = {}
  for i, key in ipairs(keys) do
    lines[i] = ("  rawset(self, %q, nil)\n"):format(key)
  end
  local clear = table.concat(lines)
  if not walks[clear] then
    -- One step more than headers, which finds that nothing follows.
    local source = BEGIN .. clear .. STEP:rep(WRITTEN_OUT + 1)
      .. "climb_on(self, data, space, number, at, limit, stop) end"
    walks[clear] = assert(loadstring(source, "=walk"))(finish, rawset, climb_on)
  end
  return walks[clear]
end

-- What a tunnel carries, from the payload of the object around it.
local function enter(self, pkt)
  local inner = self._inner
  inner._pkt = pkt
  local at = self.payload_begin - 1
  inner:_walk(pkt.data, self._space, self._number, at, self.payload_end,
    at + self.payload_length)
  rawset(self, "inner", inner)
end

local function packet_of(self, bytes, wirelen)
  local pkt = self._scratch
  self._string = bytes -- keeps alive what the packet points to
  pkt.data = ffi.cast(bytes_pointer, bytes)
  pkt.caplen = #bytes
  pkt.wirelen = wirelen
  return pkt
end

function Layers:__call(pkt, wirelen)
  if not istype(packet_type, pkt) then
    if type(pkt) ~= "string" then
      check.fail(1, "layers", "packet or string expected, got " .. type(pkt))
    end
    wirelen = wirelen == nil and #pkt or check.integer(wirelen, 2, "layers", 0, 2 ^ 32 - 1)
    pkt = packet_of(self, pkt, wirelen)
  end
  self._pkt = pkt
  local limit, stop = tobit(pkt.caplen), tobit(pkt.wirelen)
  if stop < 0 then stop = LONGEST end
  if stop < limit then stop = limit end
  self:_walk(pkt.data, "linktype", self.linktype, 0, limit, stop)
  if self._space then
    enter(self, pkt)
  end
  return self
end

--- What comes after the last header that was decoded, as far as it was captured.
---@return string|nil bytes   nil once the packet is no longer there
function Layers:payload()
  local first, last, pkt = self.payload_begin, self.payload_end, self._pkt
  if not first or last > pkt.caplen then
    return nil
  end
  return ffi.string(pkt.data + (first - 1), last - first + 1)
end

--- A key for a Lua table that all packets of a flow share: the addresses, the ports (0 where
-- there are none) and the protocol, as bytes.
---@param either? boolean  true: the same key for both directions
---@return string|nil key  nil where there is no IP
function Layers:flow(either)
  return (flow(self, either))
end

--- Verifies checksums: of "ip", "tcp", "udp", "icmp" or "icmpv6", or all that the packet has.
---@param name? string
---@return boolean|nil right  nil: it cannot be told
---@return string|nil which   without `name`, the layer that is wrong; or why it cannot be told
function Layers:verify(name)
  if name ~= nil and not checksum.is_known(name) then
    check.fail(1, "verify", "'ip', 'tcp', 'udp', 'icmp' or 'icmpv6' expected, got "
      .. tostring(name))
  end
  return checksum.verify(self, self._pkt, name)
end

local function new(linktype, inner)
  local spaces, keys = resolve()
  spaces.linktype[linktype] = spaces.linktype[linktype] or unknown_linktype(linktype)
  local self = {
    linktype = linktype, payload_begin = 1, payload_end = 0, payload_length = 0,
    _spaces = spaces, _pkt = new_packet(0), _scratch = new_packet(0), _string = "",
    _inner = inner, _walk = false,
  }
  for _, key in ipairs(RESULTS) do
    keys[key] = true
  end
  local list = {}
  for key in pairs(keys) do
    self[key] = false -- the key is there from now on: a new one would move the others
    list[#list + 1] = key
  end
  for _, key in ipairs(list) do
    self[key] = nil
  end
  self._walk = walk_of(list)
  return setmetatable(self, Layers)
end

--- Makes an object that decodes packets.
---
---     local layers = decode.layers(cap:datalink())
---     for pkt in cap:packets() do
---       local tcp = layers(pkt).tcp
---       if tcp and tcp.dest_port == 80 then ... end
---     end
---
---@param linktype? integer  a DLT number (default EN10MB)
---@return table layers      call it with a packet, or with a string of bytes and how many there
--- were on the wire; it returns itself
function layers.layers(linktype)
  linktype = check.integer(linktype == nil and 1 or linktype, 1, "layers", 0, 2 ^ 31 - 1)
  return new(linktype, new(linktype, false))
end

return layers
