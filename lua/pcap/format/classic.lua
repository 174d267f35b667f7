--- Classic pcap: taking plain records off the window of a savefile.
--
-- A record is plain if libpcap would hand it on unchanged and do nothing else. Libpcap reads all
-- other records, so its judgement counts. A format has:
--
-- - `matches(bytes)` tells from MAGIC_SIZE bytes whether a file has this format.
-- - `open(window, file)` opens a file of which HEADER_SIZE bytes are there, see source/opening.lua.
--   It gives nil and "more" if it needs more bytes. Otherwise it gives a handle and a table of the
--   following.
-- - `take(window, pkt)` takes the record at the window's position into the packet, moves on
--   and returns true; or it changes nothing and returns false. It has no loop, because a loop that
--   calls it could not compile then.
-- - `is_short(state, window)` tells whether more bytes may make the record at the position whole.
-- - `judge(state, window, pkt)` reads what `take` does not. It returns true for a packet. It
--   returns false if it has moved on without one, and "linktype" after that if packets of another
--   link type may follow. Otherwise it returns nil and the reason.
-- - `owns_window` is true if the handle does not free the window.
-- - `linktypes` and `metadata` are optional: a list of the link types met so far, and what else the
--   file tells.
-- - `start` is where in the file the first `take` or `judge` may begin, if records may be
--   read from anywhere. If what stands before a record matters, `position` is the module
--   pcapng_position.lua or another like it.

local bit = require "bit"
local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local DLT = require "pcap.dlt"
local judgement = require "pcap.format.judgement"
local none = require "pcap.source.none"
local shim = require "pcap.core.shim"

local cast, bswap = ffi.cast, bit.bswap
local record_pointer = ffi.typeof("const luapcap_record *")
local magic_pointer = ffi.typeof("const uint32_t *")
local HEADER_SIZE = ffi.sizeof("luapcap_record")

local classic = {}

classic.MAGIC_SIZE = 4
classic.HEADER_SIZE = 24

-- `longest` is the length of the longest record that libpcap takes. The window has that of the
-- longest plain one. `tsresol` is that of the file's own times.
local new_state = ffi.typeof [[struct {
  luapcap_t *handle;
  int32_t longest, header_size, tsresol;
}]]

-- There is a text for each byte order and unit of time, because a number in the text costs a
-- caller's trace less than a member of a struct. Seconds from 2^31 on are not plain: libpcap's
-- versions differ in their sign.
local TAKE = [[
local cast, record_pointer, swap = ...
return function(window, pkt)
  local pos = window.pos
  local data = pos + HEADER_SIZE
  if data > window.len then
    return false
  end
  local record = cast(record_pointer, window.bytes + pos)
  local sec, fraction, caplen = SWAP(record.sec), SWAP(record.fraction), SWAP(record.caplen)
  if caplen < 0 or caplen > window.max_caplen or caplen > window.len - data
    or fraction < 0 or fraction >= UNITS_PER_SEC or sec < 0 then
    return false
  end
  pkt.data = window.bytes + data
  pkt.caplen = caplen
  pkt.wirelen = SWAP(record.wirelen)
  pkt.sec = sec
  pkt.nsec = NSEC
  window.pos = data + caplen
  return true
end
]]

-- How a fraction of a second becomes nanoseconds, by the file's kind and the wanted precision.
-- Digits beyond the precision are cut off, as in libpcap.
local NSEC = {
  micro = { micro = "fraction * 1000", nano = "fraction * 1000" },
  nano = { micro = "fraction - fraction % 1000", nano = "fraction" },
}
local UNITS_PER_SEC = { micro = "1000000", nano = "1000000000" }

local takes = {}

-- The function that takes records of a kind. All files of the kind share it, because LuaJIT
-- compiles a caller's loop again for each function that it meets.
local function take_of(kind, precision, swapped)
  local text = TAKE:gsub("[A-Z_]+", {
    HEADER_SIZE = tostring(HEADER_SIZE), UNITS_PER_SEC = UNITS_PER_SEC[kind],
    NSEC = NSEC[kind][precision], SWAP = swapped and "swap" or "",
  })
  takes[text] = takes[text]
    or assert(loadstring(text, "=take"))(cast, record_pointer, bswap)
  return takes[text]
end

local function unsigned(number)
  return number % 2 ^ 32
end

-- How many bytes of a record follow its header. Files differ in which of the two lengths tells.
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
-- The header of a patched record has an interface, a protocol and a type after the usual fields.
local PATCHED_HEADER_SIZE = 24

-- The kind of classic file that four bytes begin, and whether it has the other byte order.
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

-- Libpcap's limits on the length of a packet. Nearly all link types have the same one.
local LONGEST = 262144
local LONGER = { DBUS = 2 ^ 27, USBPCAP = 2 ^ 27, EBHSCR = 2 ^ 23 }

local function longest_of(linktype)
  return LONGER[DLT[linktype]] or LONGEST
end

-- Link types whose packets libpcap changes: in all files, and only in those of the other byte
-- order.
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

--- Opens a classic savefile.
---@param window ffi.cdata*  luapcap_window *, taken over even if this fails
---@param file table         {precision = cdefs.TSTAMP_PRECISION_*}
---@return ffi.cdata*|nil handle
---@return table|string reading  {take =, is_short =, judge =, state =}; or libpcap's message
function classic.open(window, file)
  local kind, swapped = kind_of(window.bytes)
  local handle, message = judgement.open(window, nil, file.precision)
  if not handle then
    return nil, message
  end
  window.max_caplen = math.min(shim.luapcap_snapshot(handle), LONGEST)
  local precision = file.precision == cdefs.TSTAMP_PRECISION_NANO and "nano" or "micro"
  return handle, {
    state = new_state {
      handle = handle,
      longest = longest_of(shim.luapcap_datalink(handle)),
      header_size = kind == "patched" and PATCHED_HEADER_SIZE or HEADER_SIZE,
      tsresol = kind == "nano" and 9 or 6,
    },
    take = is_plain(kind, swapped, handle) and take_of(kind, precision, swapped) or none.take,
    is_short = new_is_short(swapped, lengths_of(handle)),
    judge = judgement.judge,
    start = classic.HEADER_SIZE,
  }
end

return classic
