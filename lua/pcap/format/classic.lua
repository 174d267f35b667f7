--- Classic pcap: taking plain records off the window of a savefile.
--
-- A record is plain if all that libpcap would do with it is hand it on. Libpcap reads everything
-- else, so its judgement counts. These are the functions of a format:
--
-- - `take(state, window, pkt)` takes the record at the window's position into the packet, moves on
--   and answers true; or it changes nothing and answers false. It has no loop: a loop that calls
--   it could not compile.
-- - `is_short(state, window)` tells whether more bytes may make the record at the position whole.

local bit = require "bit"
local ffi = require "ffi"
require "pcap.cdefs"
local DLT = require "pcap.dlt"
local shim = require "pcap.shim"

local cast, bswap = ffi.cast, bit.bswap
local record_pointer = ffi.typeof("const luapcap_record *")
local magic_pointer = ffi.typeof("const uint32_t *")
local HEADER_SIZE = ffi.sizeof("luapcap_record")

local classic = {}

--- Bytes of a file's header.
classic.FILE_HEADER_SIZE = 24

-- `max_caplen` is the longest plain record and `longest` the longest that libpcap takes. A fraction
-- of a second counts units of `nsec_per_unit`, of which a second has `units_per_sec`. Times are cut
-- to multiples of `precision` nanoseconds.
local new_state = ffi.typeof [[struct {
  int32_t max_caplen, longest, units_per_sec, nsec_per_unit, precision, header_size;
}]]

local function take(state, window, pkt)
  local pos = window.pos
  local data = pos + HEADER_SIZE
  if data > window.len then
    return false
  end
  local record = cast(record_pointer, window.bytes + pos)
  local sec, fraction, caplen = record.sec, record.fraction, record.caplen
  -- Libpcap's versions differ in the sign of seconds from 2^31 on.
  if caplen < 0 or caplen > state.max_caplen or caplen > window.len - data
    or fraction < 0 or fraction >= state.units_per_sec or sec < 0 then
    return false
  end
  local unit = state.nsec_per_unit
  local nsec = fraction * unit
  if unit < state.precision then
    nsec = nsec - nsec % state.precision
  end
  pkt.data = window.bytes + data
  pkt.caplen = caplen
  pkt.wirelen = record.wirelen
  pkt.sec = sec
  pkt.nsec = nsec
  window.pos = data + caplen
  return true
end

-- The same for the other byte order.
local function take_swapped(state, window, pkt)
  local pos = window.pos
  local data = pos + HEADER_SIZE
  if data > window.len then
    return false
  end
  local record = cast(record_pointer, window.bytes + pos)
  local sec, fraction, caplen = bswap(record.sec), bswap(record.fraction), bswap(record.caplen)
  if caplen < 0 or caplen > state.max_caplen or caplen > window.len - data
    or fraction < 0 or fraction >= state.units_per_sec or sec < 0 then
    return false
  end
  local unit = state.nsec_per_unit
  local nsec = fraction * unit
  if unit < state.precision then
    nsec = nsec - nsec % state.precision
  end
  pkt.data = window.bytes + data
  pkt.caplen = caplen
  pkt.wirelen = bswap(record.wirelen)
  pkt.sec = sec
  pkt.nsec = nsec
  window.pos = data + caplen
  return true
end

local function take_none()
  return false
end

local function unsigned(number)
  return number % 2 ^ 32
end

-- How many bytes a record has behind its header, by which of its two lengths is that number.
local LENGTHS = {
  plain = function(caplen)
    return caplen
  end,
  exchanged = function(_, wirelen)
    return wirelen
  end,
  shorter = math.min,
}

local function new_is_short(swapped, length)
  return function(state, window)
    local rest = window.len - window.pos - state.header_size
    if rest < 0 then
      return true
    end
    local record = cast(record_pointer, window.bytes + window.pos)
    local caplen, wirelen = record.caplen, record.wirelen
    if swapped then
      caplen, wirelen = bswap(caplen), bswap(wirelen)
    end
    local bytes = length(unsigned(caplen), unsigned(wirelen))
    return bytes > rest and bytes <= state.longest
  end
end

local MICRO, NANO, PATCHED = 0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34
local NAMES = { [MICRO] = "micro", [NANO] = "nano", [PATCHED] = "patched" }
-- The header of a patched record has an interface, a protocol and a type behind the usual fields.
local PATCHED_HEADER_SIZE = 24

-- Which kind of classic file four bytes begin, and whether it has the other byte order.
local function kind_of(bytes)
  local magic = cast(magic_pointer, bytes)[0]
  local kind = NAMES[magic]
  if kind then
    return kind, false
  end
  return NAMES[unsigned(bswap(magic))], true
end

--- Whether the bytes begin a classic savefile.
---@param bytes ffi.cdata*  const uint8_t *, four of them
---@return boolean
function classic.matches(bytes)
  return kind_of(bytes) ~= nil
end

-- Libpcap's limits on the length of a packet: one for nearly all link types.
local LONGEST = 262144
local LONGER = { DBUS = 2 ^ 27, USBPCAP = 2 ^ 27, EBHSCR = 2 ^ 23 }

local function longest_of(linktype)
  return LONGER[DLT[linktype]] or LONGEST
end

-- Link types of which libpcap changes packets: in all files, and in those of the other byte order.
local CHANGED = { USB_LINUX_MMAPPED = true }
local CHANGED_IF_SWAPPED = { USB_LINUX = true, NFLOG = true, PFLOG = true, LINUX_SLL = true }

local function is_plain(kind, swapped, handle)
  local name = DLT[shim.luapcap_datalink(handle)]
  return kind ~= "patched" and shim.luapcap_major_version(handle) == 2
    and shim.luapcap_minor_version(handle) == 4
    and not (CHANGED[name] or swapped and CHANGED_IF_SWAPPED[name])
end

local function lengths_of(handle)
  local major, minor = shim.luapcap_major_version(handle), shim.luapcap_minor_version(handle)
  if major == 543 or major == 2 and minor < 3 then
    return LENGTHS.exchanged
  end
  return major == 2 and minor == 3 and LENGTHS.shorter or LENGTHS.plain
end

--- The format of a classic savefile that libpcap has opened.
---@param bytes ffi.cdata*   the file's first four bytes, at the time
---@param handle ffi.cdata*  pcap_t *
---@param nano boolean       whether times are wanted to the nanosecond
---@return table format      {take =, is_short =, state =}
function classic.new(bytes, handle, nano)
  local kind, swapped = kind_of(bytes)
  local longest = longest_of(shim.luapcap_datalink(handle))
  local state = new_state {
    max_caplen = math.min(shim.luapcap_snapshot(handle), LONGEST),
    longest = longest,
    units_per_sec = kind == "nano" and 1e9 or 1e6,
    nsec_per_unit = kind == "nano" and 1 or 1000,
    precision = nano and 1 or 1000,
    header_size = kind == "patched" and PATCHED_HEADER_SIZE or HEADER_SIZE,
  }
  local plain = is_plain(kind, swapped, handle)
  return {
    state = state,
    take = not plain and take_none or swapped and take_swapped or take,
    is_short = new_is_short(swapped, lengths_of(handle)),
  }
end

return classic
