--- The walk over a packet's headers: one step a header, by the table of dispatch.
--
-- It fills a layers object, whose fields `error`, `inner`, `last` and payload_* it sets, and which
-- has three that belong to this file: `_noted`, `_space` and `_number`.

local apart = require "pcap.decode.apart"

local rawset = rawset

-- Keys of the headers that most packets have: each packet sets these back to nil. The others are
-- noted when they are met, and only the noted ones are set back: a trace has room for 500
-- constants, and each key that it names takes three.
local COMMON = { eth = true, vlan = true, ip = true, tcp = true, udp = true }

local walk = { COMMON = COMMON }

local function finish(self, at, limit, stop)
  self.payload_begin, self.payload_end, self.payload_length = at + 1, limit, stop - at
end

local function note(self, protocol)
  if not protocol.is_noted then
    protocol.is_noted, protocol.previous, self._noted = true, self._noted, protocol
  end
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

-- One header. What nothing in the table of dispatch knows is payload.
local STEP = [[
  protocol = space and spaces[space][number]
  if not protocol then
    finish(self, at, limit, stop)
    return
  end
  if protocol.key then
    note(self, protocol)
  end
  space, number, at, limit, stop
    = protocol.decode(self, protocol.header, data, at, limit, stop, number)
]]

-- A stack of headers is walked by code that is written out: with a loop here, or a function called
-- for each header, the caller's loop would not compile. Few stacks are higher than this; traces of
-- 50 headers make LuaJIT crash.
local WRITTEN_OUT = 12

local BEGIN = "local finish, note, rawset, forget_noted, climb_on = ...\n"
  .. "return function(self, data, space, number, at, limit, stop)\n"
  .. "  local spaces, protocol = self.spaces\n"

local loop = assert(loadstring(BEGIN .. "while true do\n" .. STEP .. "end end", "=loop"))(finish,
  note)

-- Sets back what the packet before has left.
local lines = { "  if self._noted then forget_noted(self, self._noted) end\n" }
for _, key in ipairs { "eth", "vlan", "ip", "tcp", "udp", "error", "inner", "last", "_space" } do
  lines[#lines + 1] = ("  rawset(self, %q, nil)\n"):format(key)
end

-- One step more than headers, which finds that nothing follows.
local source = BEGIN .. table.concat(lines) .. STEP:rep(WRITTEN_OUT + 1)
  .. "climb_on(self, data, space, number, at, limit, stop) end"

--- Decodes all headers from `at` on.
walk.walk = assert(loadstring(source, "=walk"))(finish, note, rawset, forget_noted, apart(loop))

return walk
