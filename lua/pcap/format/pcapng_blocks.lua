--- The blocks of a pcapng file, one at a time: the checks that libpcap makes, and its messages.

local ffi = require "ffi"
local bytes = require "pcap.format.pcapng_bytes"
local interface_block = require "pcap.format.pcapng_interface"
local linktype = require "pcap.format.linktype"
local time = require "pcap.format.pcapng_time"
local wording = require "pcap.format.pcapng_wording"

local blocks = {
  --- The longest block that is accepted, in bytes, as in libpcap. A link type whose packets may
  -- be longer raises it.
  MAX_BLOCK = 16 * 1024 * 1024,
  --- Bits of a packet's flags: its options have the other byte order; it is of an obsolete packet
  -- block, whose count of lost packets is in the upper 16 bits.
  SWAPPED = 0x100,
  OBSOLETE = 0x200,
}

local SECTION, MAGIC, SWAPPED_MAGIC = 0x0a0d0d0a, 0x1a2b3c4d, 0x4d3c2b1a
local MIN_SECTION, MAX_SECTION = 28, 1024 * 1024
local DROPS = 0x10000
local u16, u32 = bytes.u16, bytes.u32

-- libpcap's words, and behind them what it does not tell: where the block stands in the file.
local function located(window, message)
  return ("%s (block at offset %.0f)"):format(message, window.offset + window.pos)
end

local function fail(window, message, ...)
  return "error", located(window, message:format(...))
end

local function too_short(window, kind)
  return fail(window, "block of type %u in pcapng dump file is too short", kind)
end

-- What is wrong with a block's length, in libpcap's words.
local function length_problem(length, max)
  if length < 12 then
    return ("block in pcapng dump file has a length of %u < 12"):format(length)
  elseif length % 4 ~= 0 then
    return ("block in pcapng dump file has a length of %u that is not a multiple of 4")
      :format(length)
  elseif length > max then
    return ("pcapng block size %u > maximum %u"):format(length, max)
  end
end

local function first_length_problem(length)
  if length < MIN_SECTION or length > MAX_SECTION then
    return ("Section Header Block in pcapng dump file has invalid length %u < _%u_ < %u "
      .. "(BT_SHB_INSANE_MAX)"):format(MIN_SECTION, length, MAX_SECTION)
  end
end

-- Fills in a packet that a packet block gives, or tells what is wrong with it.
local function packet(state, window, pkt, kind, found)
  local interfaces = state.interfaces
  if not state.first_linktype then
    return fail(window,
      "the capture file has a packet block before any Interface Description Blocks")
  elseif found.number >= interfaces.count then
    return fail(window, "a packet arrived on interface %u, but there's no Interface "
      .. "Description Block for that interface", found.number)
  end
  local interface = interfaces.list[found.number]
  local caplen = found.caplen or math.min(found.wirelen, interface.snaplen)
  if caplen > interface.snaplen then
    return fail(window, "invalid packet capture length %u, bigger than snaplen of %d",
      caplen, interface.snaplen)
  elseif caplen > found.room then
    return too_short(window, kind)
  end
  local padded = math.min(caplen + -caplen % 4, found.room)
  pkt.sec, pkt.nsec = time.convert(interface, found.high, found.low)
  pkt.data, pkt.caplen, pkt.wirelen = found.data, caplen, found.wirelen
  pkt.linktype, pkt.interface = interface.linktype, interfaces.before + found.number + 1
  pkt.flags = (state.swapped and blocks.SWAPPED or 0) + (found.flags or 0)
  pkt.options, pkt.options_length = found.data + padded, found.caplen and found.room - padded or 0
  if interface.needs_fix ~= 0 then
    linktype.fix(interface.file_linktype, state.swapped, pkt, found.data)
  end
  return "packet"
end

-- What each type of block is for: functions of the state, the window, the packet, where the
-- block's body starts, how long it is, and whether it is swapped.
local readers = {}

readers[6] = function(state, window, pkt, body, size, swapped)
  if size < 20 then
    return too_short(window, 6)
  end
  return packet(state, window, pkt, 6, { number = u32(body, swapped),
    high = u32(body + 4, swapped), low = u32(body + 8, swapped), caplen = u32(body + 12, swapped),
    wirelen = u32(body + 16, swapped), data = body + 20, room = size - 20 })
end

-- A simple packet has no time and no captured length.
readers[3] = function(state, window, pkt, body, size, swapped)
  if size < 4 then
    return too_short(window, 3)
  end
  return packet(state, window, pkt, 3, { number = 0, high = 0, low = 0,
    wirelen = u32(body, swapped), data = body + 4, room = size - 4 })
end

-- The obsolete packet block.
readers[2] = function(state, window, pkt, body, size, swapped)
  if size < 20 then
    return too_short(window, 2)
  end
  return packet(state, window, pkt, 2, { number = u16(body, swapped),
    flags = blocks.OBSOLETE + u16(body + 2, swapped) * DROPS,
    high = u32(body + 4, swapped), low = u32(body + 8, swapped), caplen = u32(body + 12, swapped),
    wirelen = u32(body + 16, swapped), data = body + 20, room = size - 20 })
end

readers[1] = function(state, window, _, body, size, swapped)
  if size < 8 then
    return too_short(window, 1)
  end
  local message = interface_block.add(state, body, size, swapped)
  if message then
    return fail(window, "%s", message)
  end
  return "skipped"
end

-- What is wrong with a section header, in libpcap's words. Of the file's first one the length and
-- the magic number have been looked at.
local function section_problem(state, body, size, swapped)
  if size < 16 then
    return ("block of type %u in pcapng dump file is too short"):format(SECTION)
  end
  local magic, major, minor = u32(body, swapped), u16(body + 4, swapped), u16(body + 6, swapped)
  if not state.started then
    return (major ~= 1 or minor ~= 0 and minor ~= 2)
      and ("unsupported pcapng savefile version %u.%u"):format(major, minor)
  elseif magic ~= MAGIC then
    return "the file has a section with a bad byte order magic field"
  end
  return major ~= 1 and ("unknown pcapng savefile major version number %u"):format(major)
end

readers[SECTION] = function(state, window, _, body, size, swapped)
  local problem = section_problem(state, body, size, swapped)
  if problem and state.started and not state.first_linktype then
    -- libpcap looks at no further section header until it has found an interface.
    return "skipped"
  elseif problem then
    return fail(window, "%s", problem)
  end
  state.started, state.swapped = true, swapped
  interface_block.forget(state)
  state.metadata:start_section(body, size, swapped)
  return "skipped"
end

readers[4] = function(state, _, _, body, size, swapped)
  state.metadata:add_names(body, size, swapped)
  return "skipped"
end

readers[5] = function(state, _, _, body, size, swapped)
  state.metadata:add_statistics(body, size, swapped, state.interfaces)
  return "skipped"
end

readers[10] = function(state, _, _, body, size, swapped)
  state.metadata:add_secrets(body, size, swapped)
  return "skipped"
end

-- The byte order of the block at the start: a section header says it itself. Nil if that takes
-- more bytes.
local function byte_order(state, start, rest)
  if u32(start, false) ~= SECTION then
    return state.swapped
  elseif rest < 12 then
    return nil
  end
  local magic = u32(start + 8, false)
  if magic == MAGIC then
    return false
  elseif magic == SWAPPED_MAGIC then
    return true
  end
  return state.swapped
end

--- One block. See pcapng.lua's State:step.
function blocks.step(state, window, pkt)
  local start, rest = window.bytes + window.pos, window.len - window.pos
  if rest < 8 then
    return "more", 8
  end
  local swapped = byte_order(state, start, rest)
  if swapped == nil then
    return "more", 12
  end
  local kind, length = u32(start, swapped), u32(start + 4, swapped)
  local problem
  if state.started then
    problem = length_problem(length, state.max_block)
  else
    problem = first_length_problem(length)
  end
  if problem then
    return fail(window, "%s", problem)
  elseif length > rest then
    return "more", length
  end
  local trailer = u32(start + length - 4, swapped)
  if state.started and trailer ~= length then
    return fail(window, "%s", wording.trailer(length, trailer))
  end
  local reader = readers[kind]
  if not reader then
    window.pos = window.pos + length
    if state.block_handler then
      state.block_handler(kind, ffi.string(start, length), swapped)
    end
    return "skipped"
  end
  local outcome, message = reader(state, window, pkt, start + 8, length - 12, swapped)
  if outcome ~= "error" then
    window.pos = window.pos + length
  end
  return outcome, message
end

--- What it means that the file ends here. See pcapng.lua's State:ended.
function blocks.ended(state, window)
  local start, rest = window.bytes + window.pos, window.len - window.pos
  if rest == 0 then
    return not state.first_linktype
      and "the capture file has no Interface Description Blocks" or nil
  end
  local wanted, got = 8, rest
  if rest >= 8 then
    local swapped = byte_order(state, start, rest)
    if swapped == nil then
      swapped = state.swapped
    end
    local length = u32(start + 4, swapped)
    local problem = state.started and length_problem(length, state.max_block)
    if problem then
      return located(window, problem)
    end
    local read = state.started and 8 or 12
    wanted, got = length - read, rest - read
  end
  return located(window, ("truncated pcapng dump file; tried to read %u bytes, only got %u")
    :format(wanted, got))
end

return blocks
