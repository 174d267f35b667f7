--- Reads each type of block of a pcapng file, with libpcap's checks and messages.

local bytes = require "pcap.format.pcapng_bytes"
local interface_block = require "pcap.format.pcapng_interface"
local linktype = require "pcap.format.linktype"
local time = require "pcap.format.pcapng_time"

local SECTION, MAGIC = 0x0a0d0d0a, 0x1a2b3c4d
-- Bits of a packet's flags, as packet.lua reads them. SWAPPED: the options have the other byte
-- order. OBSOLETE: the packet is from an obsolete packet block, and the upper 16 bits are that
-- block's count of lost packets. SIMPLE: it is from a simple packet block.
local SWAPPED, OBSOLETE, SIMPLE, DROPS = 0x100, 0x200, 0x400, 0x10000
local u16, u32 = bytes.u16, bytes.u32

-- A message in libpcap's words. If libpcap would have refused the file earlier, there is nothing to
-- match, so the message also tells where the block stands.
local function worded(state, window, message)
  if state.is_beyond then
    return ("%s (block at offset %.0f)"):format(message, window.offset + window.pos)
  end
  return message
end

local function fail(state, window, message, ...)
  return "error", worded(state, window, message:format(...))
end

-- Records whether a block has another byte order than the blocks before it. Libpcap refuses that.
local function note_order(state, swapped)
  state.is_beyond = state.is_beyond or state.started and swapped ~= state.swapped
end

local function too_short(state, window, kind)
  return fail(state, window, "block of type %u in pcapng dump file is too short", kind)
end

-- Fills in the packet of a packet block, or tells what is wrong with it.
local function packet(state, window, pkt, kind, found)
  local interfaces = state.interfaces
  if found.number >= interfaces.count then
    return fail(state, window, "a packet arrived on interface %u, but there's no Interface "
      .. "Description Block for that interface", found.number)
  end
  local interface = interfaces.list[found.number]
  local caplen = found.caplen or math.min(found.wirelen, interface.snaplen)
  if caplen > interface.snaplen then
    return fail(state, window, "invalid packet capture length %u, bigger than snaplen of %d",
      caplen, interface.snaplen)
  elseif caplen > found.room then
    return too_short(state, window, kind)
  end
  local padded = math.min(caplen + -caplen % 4, found.room)
  pkt.sec, pkt.nsec = time.convert(interface, found.high, found.low)
  pkt.data, pkt.caplen, pkt.wirelen = found.data, caplen, found.wirelen
  pkt.linktype, pkt.interface = interface.linktype, interface.number
  pkt.flags = (state.swapped and SWAPPED or 0) + (found.flags or 0)
  pkt.options_start = found.data + padded
  pkt.options_length = found.caplen and found.room - padded or 0
  if interface.needs_fix ~= 0 then
    linktype.fix(interface.file_linktype, state.swapped, pkt, found.data)
  end
  return "packet"
end

-- A function for each type of block. It takes the state, the window, the packet, where the block's
-- body starts, how long the body is, and whether it is swapped.
local readers = {}

-- A packet block's function. Libpcap looks at none before it has found an interface.
local function after_interface(read)
  return function(state, window, ...)
    if not state.first_linktype then
      return fail(state, window,
        "the capture file has a packet block before any Interface Description Blocks")
    end
    return read(state, window, ...)
  end
end

-- The enhanced and the obsolete packet block differ in their first four bytes alone. `head` reads
-- these: the interface's number, and the packet's flags if there are any.
local function timed(kind, head)
  return after_interface(function(state, window, pkt, body, size, swapped)
    if size < 20 then
      return too_short(state, window, kind)
    end
    local number, flags = head(body, swapped)
    return packet(state, window, pkt, kind, { number = number, flags = flags,
      high = u32(body + 4, swapped), low = u32(body + 8, swapped),
      caplen = u32(body + 12, swapped), wirelen = u32(body + 16, swapped),
      data = body + 20, room = size - 20 })
  end)
end

readers[6] = timed(6, u32)

readers[2] = timed(2, function(body, swapped)
  return u16(body, swapped), OBSOLETE + u16(body + 2, swapped) * DROPS
end)

-- A simple packet has no time and no captured length.
readers[3] = after_interface(function(state, window, pkt, body, size, swapped)
  if size < 4 then
    return too_short(state, window, 3)
  end
  return packet(state, window, pkt, 3, { number = 0, flags = SIMPLE, high = 0, low = 0,
    wirelen = u32(body, swapped), data = body + 4, room = size - 4 })
end)

readers[1] = function(state, window, _, body, size, swapped)
  if size < 8 then
    return too_short(state, window, 1)
  end
  local message = interface_block.add(state, body, size, swapped)
  if message then
    return fail(state, window, "%s", message)
  end
  return "skipped"
end

-- What is wrong with a section header, in libpcap's words. For the file's first section header, the
-- length and the magic number have been checked already.
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
    -- Libpcap does not look at another section header until it has found an interface.
    return "skipped"
  elseif problem then
    return fail(state, window, "%s", problem)
  end
  state.minor = state.minor or u16(body + 6, swapped)
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

return { by_type = readers, worded = worded, fail = fail, note_order = note_order }
