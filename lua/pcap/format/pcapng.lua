--- The pcapng format: takes packets off a window of a file's bytes.
--
-- Nearly every block is a plain packet, and take() reads those. pcapng_blocks.lua reads all other
-- blocks. Neither reads the file, waits, or keeps a pointer into the window. So they treat a file,
-- a pipe and pieces alike.
--
-- If libpcap can read a file, we give the same packets, times and messages. Libpcap refuses files
-- whose interfaces differ, and files with sections of both byte orders. We read those too.

local bit = require "bit"
local ffi = require "ffi"
require "pcap.format.pcapng_cdefs"
local blocks = require "pcap.format.pcapng_blocks"
local bytes = require "pcap.format.pcapng_bytes"
local cdefs = require "pcap.core.cdefs"
local handle = require "pcap.format.pcapng_handle"
local judgement = require "pcap.format.judgement"
local magic = require "pcap.format.pcapng_magic"
local metadata = require "pcap.format.pcapng_metadata"
local position = require("pcap.core.on_demand").module "pcap.format.pcapng_position"

local pcapng = {}

local band, bor, lshift, rshift, tobit = bit.band, bit.bor, bit.lshift, bit.rshift, bit.tobit
local floor, cast = math.floor, ffi.cast
local words_pointer = ffi.typeof("const int32_t *")

local ENHANCED_PACKET = 6
local HEADER, SMALLEST = 28, 32
-- An interface's struct takes 2 ^ SHIFT doubles.
local SHIFT = 4
assert(ffi.sizeof("luapcap_interface") == 8 * 2 ^ SHIFT)

-- Whether a window begins with a section header that tells its byte order.
local function has_magic(window)
  if window.len < magic.HEADER_SIZE then
    return false
  end
  local at = window.bytes + 8
  return bytes.u32(at, false) == 0x1a2b3c4d or bytes.u32(at, true) == 0x1a2b3c4d
end

--- Takes the packet at the window's position and moves on, if the block is a plain one: a whole
-- enhanced packet block of this machine's byte order with nothing odd in it. Otherwise nothing
-- changes. All plain packets take the same path here, and there is no loop. So a loop that calls
-- this compiles to one trace. Numbers are read by index, because that costs the trace half as many
-- constants as names do. tobit() and sums of pointers spare LuaJIT's checks for overflow: the sums
-- cannot overflow, or are looked at afterwards.
---@param window ffi.cdata*  luapcap_window, whose `interfaces` are a state's
---@param pkt ffi.cdata*     luapcap_packet; its data and options point into the window
---@return boolean taken
function pcapng.take(window, pkt)
  local pos = window.pos
  local rest = tobit(window.len - pos)
  if rest < SMALLEST then
    return false
  end
  local start, interfaces = window.bytes + pos, window.interfaces
  -- type, length, interface, time (two words), captured length, length on the wire
  local block = cast(words_pointer, start)
  local length, number, high, caplen = block[1], block[2], block[3], block[5]
  local padded = band(caplen + 3, -4)
  local options_length = tobit(length - SMALLEST - padded)
  if block[0] ~= ENHANCED_PACKET or length < SMALLEST or length > rest or band(length, 3) ~= 0
    or cast(words_pointer, start + length)[-1] ~= length
    or bor(number, high, caplen) < 0 or number >= interfaces.native_count
    or options_length < 0 then
    return false
  end
  -- The first members of luapcap_interface: resolution, inverse, scale, bias, unit, offset; and
  -- plain_snaplen, linktype, number. See pcapng_time.lua.
  local interface = interfaces.numbers + lshift(number, SHIFT)
  local integers = cast(words_pointer, interface)
  if caplen > integers[12] then
    return false
  end
  local low, resolution, inverse = block[4], interface[0], interface[1]
  local upper = high * 65536 + rshift(low, 16)
  local quotient = floor((upper + 0.5) * inverse)
  local lower = (upper - quotient * resolution) * 65536 + band(low, 0xffff)
  local second = floor((lower + 0.5) * inverse)
  pkt.sec = quotient * 65536 + second + interface[5]
  pkt.nsec = floor((lower - second * resolution) * interface[2] + interface[3]) * interface[4]
  local data = start + HEADER
  pkt.data = data
  pkt.caplen = caplen
  pkt.wirelen = block[6]
  pkt.linktype = integers[13]
  pkt.interface = integers[14]
  pkt.flags = 0
  pkt.options_start = data + padded
  pkt.options_length = options_length
  window.pos = tobit(pos + length)
  return true
end

-- The state of one file that is being read.
---@param window ffi.cdata*  luapcap_window, whose `interfaces` the state keeps alive
---@param opening table      see opening.begin()
---@return table state
local function new_state(window, opening)
  local interfaces = ffi.new("luapcap_interfaces")
  window.interfaces = interfaces
  return {
    precision = opening.precision == cdefs.TSTAMP_PRECISION_NANO and 1 or 1000, -- in nanoseconds
    interfaces = interfaces, -- of the section
    interface_room = 0, -- how many there is memory for
    metadata = metadata.new(opening.keeps_blocks),
    swapped = false, -- whether the section has the other byte order
    linktypes = {}, knows_linktype = {}, -- those met so far: a list, and a set
    is_beyond = false, -- whether libpcap would have refused the file before the position
    max_block = blocks.MAX_BLOCK,
  }
end

-- The format's judge(), see classic.lua. It reports a new link type, because a filter has to be
-- compiled for it.
local function judge(state, window, pkt)
  local before = #state.linktypes
  local outcome, detail = blocks.step(state, window, pkt)
  if outcome == "packet" then
    return true
  elseif outcome == "skipped" then
    return false, #state.linktypes > before and "linktype" or nil
  elseif outcome == "more" then
    return nil, blocks.ended(state, window) or "closed"
  end
  return nil, detail
end

-- Reads up to the first interface, as libpcap does. Returns true, or nil and "more" or a message.
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

--- Opens a pcapng file. Each call takes bytes off the window.
---@param window ffi.cdata*  luapcap_window *
---@param file table      see opening.begin() in source/opening.lua
---@return ffi.cdata*|nil handle
---@return table|string reading  see classic.open(); or "more"; or libpcap's message
function pcapng.open(window, file)
  if not file.state and not has_magic(window) then
    return judgement.open(window, file.input, file.precision) -- libpcap refuses it
  end
  local state = file.state or new_state(window, file)
  file.state = state
  local is_read, reason = read_header(state, window, file.is_whole)
  if not is_read then
    return nil, reason
  end
  local opened, message = handle.open(state, file.precision)
  if not opened then
    return nil, message
  end
  blocks.read_ahead(state, window)
  return opened, { state = state, take = pcapng.take, is_short = blocks.is_short, judge = judge,
    owns_window = true, linktypes = state.linktypes, metadata = state.metadata, start = 0,
    position = position }
end

return pcapng
