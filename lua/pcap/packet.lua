--- A packet without a string: a C struct that a capture fills again for each packet.
--
-- Fields: `data` (const uint8_t *), `caplen` and `wirelen` (bytes), `sec` and `nsec` (whole
-- numbers; nanoseconds at any precision of the capture). A packet that a capture hands out is valid
-- until the next read on that capture, or until its close. Its data lies in the capture's buffer,
-- and the packet keeps the buffer from being collected. copy() gives an independent packet.

local bit = require "bit"
local ffi = require "ffi"
require "pcap.core.cdefs"
local check = require "pcap.core.check"
local block_options = require("pcap.core.on_demand").module "pcap.format.pcapng_options"

local packet = {}

local Packet = {}

local new = ffi.typeof("luapcap_packet")

-- Without this check, any other value would be read as if it were a packet.
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

--- The captured bytes as a string, or a part of them. The positions are as for string.sub.
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

--- Makes an independent packet. Its bytes and options lie in the copy and live as long as it does.
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

-- Bits of a packet's flags. DIRECTION: what the source knows of the direction. SWAPPED: the options
-- have the other byte order. OBSOLETE: the packet is from an obsolete packet block, and the upper
-- 16 bits are that block's count of lost packets. 0x400, for copies: it is from a simple packet
-- block.
local DIRECTION, SWAPPED, OBSOLETE = 3, 0x100, 0x200
local DIRECTIONS = { "in", "out" }
local UNKNOWN_COUNT = 0xffff

-- Reads the options of the packet's pcapng block. Packets from elsewhere have none. This is no tail
-- call: the argument `self` keeps the bytes alive while they are read.
local function from_options(self, read)
  local value, message = read(self.options_start, self.options_length,
    bit.band(self.flags, SWAPPED) ~= 0)
  return value, message
end

--- The packet's comment. If it has several, the first.
---@return string|nil
function Packet:comment()
  check_self(self, "comment")
  return from_options(self, block_options.comment)
end

--- All comments, in the file's order.
---@return string[]
function Packet:comments()
  check_self(self, "comments")
  return from_options(self, block_options.comments)
end

--- How many packets its interface lost between the previous packet and this one.
---@return integer|nil
function Packet:dropped()
  check_self(self, "dropped")
  if bit.band(self.flags, OBSOLETE) ~= 0 then
    local count = bit.rshift(self.flags, 16)
    return count ~= UNKNOWN_COUNT and count or nil
  end
  return from_options(self, block_options.dropped)
end

--- Its identifier. A packet that was seen on several interfaces has the same one on each.
---@return integer|ffi.cdata*|nil  a uint64_t from 2^53 on
function Packet:id()
  check_self(self, "id")
  return from_options(self, block_options.id)
end

--- What was decided about the packet: type 0 is hardware, 1 Linux eBPF TC, 2 Linux eBPF XDP.
---@return { type: integer, data: string }|nil
function Packet:verdict()
  check_self(self, "verdict")
  return from_options(self, block_options.verdict)
end

--- Its hash: type 0 is a sum of two's complements, 1 XOR, 2 CRC32, 3 MD5, 4 SHA-1, 5 Toeplitz.
---@return { type: integer, data: string }|nil
function Packet:hash()
  check_self(self, "hash")
  return from_options(self, block_options.hash)
end

--- All options of its block as they stand there. Numbers have the section's byte order.
---@return { code: integer, value: string }[]
---@return string|nil message  if one runs past the block's end: the list has those before it
function Packet:options()
  check_self(self, "options")
  return from_options(self, block_options.list)
end

-- Fields that are not members of the struct.
local COMPUTED = {
  direction = function(self)
    return DIRECTIONS[bit.band(self.flags, DIRECTION)]
      or from_options(self, block_options.direction)
  end,
}

-- LuaJIT itself reads the struct's members. But for a key that varies, compiled code may call this
-- with a member's name such as "data". That is no method, so the answer is nil.
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

-- A type takes a metatable only once in a Lua state. A second load of this file keeps the first.
pcall(ffi.metatype, "luapcap_packet", { __index = index, __tostring = describe })

--- Makes an empty packet with room for `size` bytes of its own.
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
