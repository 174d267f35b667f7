--- A packet without a string: a C struct that a capture fills anew for each packet.
--
-- Fields: `data` (const uint8_t *), `caplen` and `wirelen` (bytes), `sec` and `nsec` (whole
-- numbers; nanoseconds whatever the capture's precision). A packet that a capture hands out
-- is valid until the next read on that capture or its close: its data lies in the capture's
-- buffer, which it keeps from being collected. copy() gives one that lives by itself.

local bit = require "bit"
local ffi = require "ffi"
require "pcap.core.cdefs"
local check = require "pcap.core.check"

local packet = {}

local Packet = {}

local new = ffi.typeof("luapcap_packet")

-- Whatever else was called with would be read as if it were a packet.
local function check_self(self, name)
  if not ffi.istype(new, self) then
    error(("calling '%s' on bad self (pcap packet expected, got %s)"):format(name, type(self)), 3)
  end
end

--- Seconds since 1970 as one number, as cap:next() gives it.
---@return number seconds
function Packet:timestamp()
  check_self(self, "timestamp")
  return self.sec + self.nsec / 1e9
end

--- The captured bytes as a string, or a part of them by string.sub's rules.
---@param from? integer  the first byte, from 1; negative counts from the end (default 1)
---@param to? integer    the last byte (default -1)
---@return string bytes
function Packet:bytes(from, to)
  check_self(self, "bytes")
  local caplen = self.caplen
  if from == nil and to == nil then
    return ffi.string(self.data, caplen)
  end
  from = from == nil and 1 or check.number(from, 1, "bytes")
  to = to == nil and -1 or check.number(to, 2, "bytes")
  if from < 0 then from = math.max(caplen + from + 1, 1) elseif from == 0 then from = 1 end
  if to < 0 then to = caplen + to + 1 elseif to > caplen then to = caplen end
  if from > to then
    return ""
  end
  return ffi.string(self.data + (from - 1), to - from + 1)
end

--- An independent packet: its bytes and options lie in the copy itself and live as long as it does.
---@return luapcap_packet copy
function Packet:copy()
  check_self(self, "copy")
  local caplen, options_length = self.caplen, self.options_length
  local copy = new(caplen + options_length)
  copy.caplen, copy.wirelen = caplen, self.wirelen
  copy.sec, copy.nsec = self.sec, self.nsec
  copy.linktype, copy.interface, copy.flags = self.linktype, self.interface, self.flags
  ffi.copy(copy.own, self.data, caplen)
  copy.data = copy.own
  if options_length > 0 then
    ffi.copy(copy.own + caplen, self.options_start, options_length)
    copy.options_start, copy.options_length = copy.own + caplen, options_length
  end
  return copy
end

-- By flag bits of luapcap_packet.
local DIRECTIONS = { "in", "out" }

-- Fields that are not members of the struct.
local COMPUTED = {
  direction = function(self)
    return DIRECTIONS[bit.band(self.flags, 3)]
  end,
}

-- LuaJIT reads a member by itself, but for a variable key compiled code may come here: "data" is
-- no method, so the answer is nil then.
local function index(self, key)
  local computed = COMPUTED[key]
  if computed then
    return computed(self)
  end
  return Packet[key]
end

local function describe(self)
  return ("pcap packet (%d of %d bytes at %.0f.%09.0f)")
    :format(self.caplen, self.wirelen, self.sec, self.nsec)
end

-- A type takes a metatable once in a Lua state; a second load of this file keeps the first's.
pcall(ffi.metatype, "luapcap_packet", { __index = index, __tostring = describe })

--- An empty packet with room for `size` bytes of its own.
---@param size integer
---@return luapcap_packet
function packet.new(size)
  return new(size)
end

--- Whether a value is a packet.
---@return boolean
function packet.is(value)
  return ffi.istype(new, value)
end

return packet
