--- The pcapng format: takes packets off a window of a file's bytes, as pure steps.
--
-- take() is for the packet that nearly every block is. step() is for any other block. Neither
-- reads, waits or keeps a pointer into the window: a file, a pipe and pieces are the same to them.
--
-- Where libpcap reads a file, packets, times and messages are libpcap's. It refuses a file whose
-- interfaces differ, and sections of both byte orders; here they are read.

local bit = require "bit"
local ffi = require "ffi"
require "pcap.format.pcapng_cdefs"
local blocks = require "pcap.format.pcapng_blocks"
local bytes = require "pcap.format.pcapng_bytes"
local cdefs = require "pcap.core.cdefs"
local handle = require "pcap.format.pcapng_handle"
local judgement = require "pcap.format.judgement"
local metadata = require "pcap.format.pcapng_metadata"

local pcapng = {}

local band, rshift, floor, cast = bit.band, bit.rshift, math.floor, ffi.cast
local words_pointer = ffi.typeof("const int32_t *")

local ENHANCED_PACKET = 6
local HEADER, SMALLEST = 28, 32
-- How many doubles an interface takes.
local NUMBERS = ffi.sizeof("luapcap_interface") / 8

pcapng.MAGIC_SIZE = 4
pcapng.HEADER_SIZE = 12

--- Whether the bytes begin a section header block.
---@param start ffi.cdata*  const uint8_t *, four of them
---@return boolean
function pcapng.matches(start)
  return bytes.u32(start, false) == 0x0a0d0d0a
end

-- Whether a window begins with a section header that tells its byte order.
local function has_magic(window)
  if window.len < pcapng.HEADER_SIZE then
    return false
  end
  local magic = window.bytes + 8
  return bytes.u32(magic, false) == 0x1a2b3c4d or bytes.u32(magic, true) == 0x1a2b3c4d
end

--- Takes the packet at the window's position and moves on, if it is an enhanced packet block that
-- is whole, of this machine's byte order and odd in nothing. Else nothing changes. There is no
-- loop in here, and no branch that one packet takes and the next does not: a loop that calls this
-- compiles to one trace. Numbers are read by index, as that costs the trace half the constants that
-- names do.
---@param window ffi.cdata*  luapcap_window, whose `interfaces` are a state's
---@param pkt ffi.cdata*     luapcap_packet; its data and options point into the window
---@return boolean taken
function pcapng.take(window, pkt)
  local pos = window.pos
  local rest = window.len - pos
  if rest < SMALLEST then
    return false
  end
  local start, interfaces = window.bytes + pos, window.interfaces
  -- type, length, interface, time (two words), captured length, length on the wire
  local block = cast(words_pointer, start)
  local length, number, high, caplen = block[1], block[2], block[3], block[5]
  if block[0] ~= ENHANCED_PACKET or length < SMALLEST or length > rest or band(length, 3) ~= 0
    or cast(words_pointer, start + (length - 4))[0] ~= length
    or number < 0 or number >= interfaces.native_count
    or high < 0 or caplen < 0 or caplen > length - SMALLEST then
    return false
  end
  -- The first members of luapcap_interface: resolution, inverse, scale, bias, unit, offset,
  -- plain_snaplen, linktype, number. See pcapng_time.lua.
  local interface = interfaces.numbers + number * NUMBERS
  if caplen > interface[6] then
    return false
  end
  local low, resolution, inverse = block[4], interface[0], interface[1]
  local upper = high * 65536 + rshift(low, 16)
  local quotient = floor((upper + 0.5) * inverse)
  local lower = (upper - quotient * resolution) * 65536 + band(low, 0xffff)
  local second = floor((lower + 0.5) * inverse)
  pkt.sec = quotient * 65536 + second + interface[5]
  pkt.nsec = floor((lower - second * resolution) * interface[2] + interface[3]) * interface[4]
  local padded = band(caplen + 3, -4)
  pkt.data = start + HEADER
  pkt.caplen = caplen
  pkt.wirelen = block[6]
  pkt.linktype = interface[7]
  pkt.interface = interface[8]
  pkt.flags = 0
  pkt.options_start = start + (HEADER + padded)
  pkt.options_length = length - SMALLEST - padded
  window.pos = pos + length
  return true
end

local State = {}
State.__index = State

--- The state of one file that is read.
---@param window ffi.cdata*  luapcap_window, whose `interfaces` the state keeps alive
---@param precision integer  nanoseconds that times are cut to: 1 or 1000
---@return table state
function pcapng.new(window, precision)
  local interfaces = ffi.new("luapcap_interfaces")
  window.interfaces = interfaces
  return setmetatable({ precision = precision, interfaces = interfaces,
    metadata = metadata.new(), swapped = false, linktypes = {}, linktype_count = 0,
    is_beyond = false, -- whether libpcap would have refused the file before the position
    interface_room = 0, max_block = blocks.MAX_BLOCK }, State)
end

--- Handles the block at the window's position, which take() has not taken.
---@param window ffi.cdata*  luapcap_window
---@param pkt ffi.cdata*     luapcap_packet
---@return "packet"|"skipped"|"more"|"error" outcome
---@return integer|string|nil detail  for "more", how many bytes from the position on have to be
---   there; for "error", the message
function State:step(window, pkt)
  return blocks.step(self, window, pkt)
end

--- What it means that the file ends where the window does: nil if no block is cut short.
---@param window ffi.cdata*
---@return string? message  libpcap's
function State:ended(window)
  return blocks.ended(self, window)
end

--- Calls a function with each block that is skipped since nothing here reads it: its type, all of
-- its bytes, and whether its numbers have the other byte order.
---@param handler fun(type: integer, block: string, swapped: boolean)|nil
function State:on_block(handler)
  self.block_handler = handler
end

--- The link type (DLT) and the snapshot length of the first interface. Nil before its block.
---@return integer? linktype
---@return integer? snaplen
function State:first_interface()
  return self.first_linktype, self.first_snaplen
end

-- As a format has it, see classic.lua. A link type that was not there before is told, since a
-- filter has to be compiled for it.
local function judge(state, window, pkt)
  local before = state.linktype_count
  local outcome, detail = blocks.step(state, window, pkt)
  if outcome == "packet" then
    return true
  elseif outcome == "skipped" then
    return false, state.linktype_count > before and "linktype" or nil
  elseif outcome == "more" then
    return nil, blocks.ended(state, window) or "closed"
  end
  return nil, detail
end

-- Reads up to the first interface, as libpcap does. True, or nil and "more" or a message.
local function read_header(state, window, is_whole)
  while not state.first_linktype do
    local outcome, detail = blocks.step(state, window)
    if outcome == "error" then
      return nil, detail
    elseif outcome == "more" then
      return nil, is_whole and blocks.ended(state, window) or "more"
    end
  end
  return true
end

--- Opens a pcapng file. It takes bytes off the window each time it is called.
---@param window ffi.cdata*  luapcap_window *
---@param opening table      see savefile.begin()
---@return ffi.cdata*|nil handle
---@return table|string reading  see classic.open(); or "more"; or libpcap's message
function pcapng.open(window, opening)
  if not opening.state and not has_magic(window) then
    return judgement.open(window, opening.input, opening.precision) -- libpcap refuses it
  end
  local nanoseconds = opening.precision == cdefs.TSTAMP_PRECISION_NANO and 1 or 1000
  local state = opening.state or pcapng.new(window, nanoseconds)
  opening.state = state
  local is_read, reason = read_header(state, window, opening.is_whole)
  if not is_read then
    return nil, reason
  end
  local opened, message = handle.open(state, opening.precision)
  if not opened then
    return nil, message
  end
  return opened, { state = state, take = pcapng.take, is_short = blocks.is_short, judge = judge,
    owns_window = true }
end

return pcapng
