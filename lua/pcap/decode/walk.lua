--- The walk over a packet's headers: one step for each header, by the table of dispatch.
--
-- It fills a layers object. It sets the object's fields `error`, `inner`, `last` and payload_*.
-- Three more of the object's fields belong to this file: `_noted`, `_space` and `_number`.

local apart = require "pcap.decode.apart"

local rawset = rawset

-- Keys of the headers that most packets have. Each packet sets these back to nil. The other keys
-- are noted when a packet has them, and only the noted ones are set back. This is because a trace
-- has room for 500 constants, and each key that it names takes three.
local COMMON = { "eth", "vlan", "pppoe", "ppp", "ip", "tcp", "udp", "arp", "icmp", "icmpv6",
  "mpls", "gre", "gtp", "vxlan" }

local RESULTS = { "error", "inner", "last", "_space" }

local walk = {
  --- What a packet leaves in the object besides its headers.
  RESULTS = RESULTS,
  COMMON = COMMON,
}

local function finish(self, at, limit, stop)
  self.payload_begin, self.payload_end, self.payload_length = at + 1, limit, stop - at
end

local function forget(self, protocol)
  rawset(self, protocol.key, nil)
  protocol.is_noted = false
  return protocol.previous
end

local forget_all = apart(function(self, protocol)
  while protocol do
    protocol = forget(self, protocol)
  end
end)

local function forget_noted(self, protocol)
  protocol = forget(self, protocol)
  protocol = protocol and forget(self, protocol)
  protocol = protocol and forget(self, protocol)
  if protocol then
    forget_all(self, protocol)
  end
  self._noted = false
end

-- A protocol's decoder. If the protocol's key is not a common one, it notes the key first. All
-- objects share one function, because compiled code is made for one function.
local function noting(protocol)
  local decode = protocol.decode
  return function(self, header, data, at, limit, stop, number)
    local own = self.made[protocol]
    if not own.is_noted then
      own.is_noted, own.previous, self._noted = true, self._noted, own
    end
    return decode(self, header, data, at, limit, stop, number)
  end
end

local decoders = setmetatable({}, { __mode = "k" })
local is_common = {}
for _, key in ipairs(COMMON) do
  is_common[key] = true
end

--- A protocol for one layers object: with a view of its own.
function walk.make(protocol)
  local name = protocol.name
  if not name or is_common[name] then
    return { decode = protocol.decode, header = protocol.view and protocol.view() }
  end
  decoders[protocol] = decoders[protocol] or noting(protocol)
  return { decode = decoders[protocol], header = protocol.view and protocol.view(), key = name,
    is_noted = false, previous = false }
end

-- One header. If nothing in the table of dispatch knows it, it is payload.
local STEP = [[
  protocol = space and spaces[space][number]
  if not protocol then
    finish(self, at, limit, stop)
    return
  end
  space, number, at, limit, stop
    = protocol.decode(self, protocol.header, data, at, limit, stop, number)
]]

-- The code that walks a stack of headers is written out. With a loop, or with a function called for
-- each header, the caller's loop would not compile. Few stacks are higher than this. Traces of 50
-- headers make LuaJIT crash.
local WRITTEN_OUT = 12

local BEGIN = "local finish, rawset, forget_noted, climb_on = ...\n"
  .. "return function(self, data, space, number, at, limit, stop)\n"
  .. "  local spaces, protocol = self.spaces\n"

local loop = assert(loadstring(BEGIN .. "while true do\n" .. STEP .. "end end", "=loop"))(finish)

-- Sets back what the previous packet has left.
local lines = { "  if self._noted then forget_noted(self, self._noted) end\n" }
for _, keys in ipairs { COMMON, RESULTS } do
  for _, key in ipairs(keys) do
    lines[#lines + 1] = ("  rawset(self, %q, nil)\n"):format(key)
  end
end

-- One step more than headers: the last step finds that nothing follows.
local source = BEGIN .. table.concat(lines) .. STEP:rep(WRITTEN_OUT + 1)
  .. "climb_on(self, data, space, number, at, limit, stop) end"

--- Decodes all headers from `at` on.
walk.walk = assert(loadstring(source, "=walk"))(finish, rawset, forget_noted, apart(loop))

return walk
