--- Interface description blocks: what must be known to read an interface's packets.

local ffi = require "ffi"
local bytes = require "pcap.format.pcapng_bytes"
local linktype = require "pcap.format.linktype"
local time = require "pcap.format.pcapng_time"

local interface_block = {}

local u16, u32 = bytes.u16, bytes.u32
local END, TSRESOL, TSOFFSET = 0, 9, 14
local WITHOUT_OPTIONS = 8 -- the bytes of a body
local NAME = "Interface Description Block"
-- Each interface takes some 100 bytes of memory, so their number in a section is limited.
local MAX_INTERFACES = 2 ^ 20
-- How many bytes an enhanced packet block has besides its packet, with options, as libpcap counts.
local AROUND_PACKET = 8 + 20 + 131072 + 4

local list_type = ffi.typeof("luapcap_interface[?]")
local SIZE = ffi.sizeof("luapcap_interface")
local numbers_pointer = ffi.typeof("const double *")

-- The resolution that an option's byte gives: units in a second, and whether it is a power of two.
local function resolution(value)
  local power = value % 128
  if value >= 128 then
    if power > 63 then
      return nil, ("%s if_tsresol option resolution 2^-%u is too high"):format(NAME, power)
    end
    return 2ULL ^ power, true
  elseif power > 19 then
    return nil, ("%s if_tsresol option resolution 10^-%u is too high"):format(NAME, power)
  end
  return 10ULL ^ power, false
end

-- Options of a fixed length, by code: the name and the length.
local FIXED = { [TSRESOL] = { "if_tsresol", 1 }, [TSOFFSET] = { "if_tsoffset", 8 } }

-- Reads the options that times depend on. As in libpcap, no others are checked.
local function read_options(at, rest, swapped)
  local found = {}
  while rest > 0 do
    local code, size = rest >= 4 and u16(at, swapped), rest >= 4 and u16(at + 2, swapped)
    local padded = size and size + -size % 4
    if not code or padded > rest - 4 then
      return nil, "block of type 1 in pcapng dump file is too short"
    elseif code == END then
      if size ~= 0 then
        return nil, ("%s has opt_endofopt option with length %u != 0"):format(NAME, size)
      end
      break
    end
    local fixed = FIXED[code]
    if fixed then
      if size ~= fixed[2] then
        return nil, ("%s has %s option with length %u != %u"):format(NAME, fixed[1], size,
          fixed[2])
      elseif found[code] then
        return nil, ("%s has more than one %s option"):format(NAME, fixed[1])
      end
      found[code] = at + 4
      if code == TSRESOL then
        local units, binary = resolution(at[4])
        if not units then
          return nil, binary
        end
        found.units, found.binary = units, binary
      end
    end
    at, rest = at + 4 + padded, rest - 4 - padded
  end
  return found
end

-- Makes room for one more interface. Returns false if there are too many.
local function grow(state)
  local interfaces = state.interfaces
  if interfaces.count < state.interface_room then
    return true
  elseif interfaces.count >= MAX_INTERFACES then
    return false
  end
  local room = math.max(4, 2 * state.interface_room)
  local list = list_type(room)
  if interfaces.count > 0 then
    ffi.copy(list, interfaces.list, interfaces.count * SIZE)
  end
  -- The state keeps alive the memory that `interfaces` points to.
  state.interface_memory, state.interface_room = list, room
  interfaces.list, interfaces.numbers = list, ffi.cast(numbers_pointer, list)
  return true
end

-- Records what a new interface changes for the whole file.
local function note(state, interface, body, max_snaplen)
  local dlt, snaplen = interface.linktype, interface.snaplen
  state.max_block = math.max(state.max_block, max_snaplen + AROUND_PACKET)
  if not state.first_linktype then
    state.first_linktype, state.first_snaplen = dlt, snaplen
    state.first_numbers = ffi.string(body, 8)
  elseif dlt ~= state.first_linktype or snaplen ~= state.first_snaplen then
    state.is_beyond = true
  end
  if not state.knows_linktype[dlt] then
    state.knows_linktype[dlt] = true
    table.insert(state.linktypes, dlt)
  end
end

--- What is wrong with the options of an interface's block.
---@return string? message  libpcap's
function interface_block.problem(body, size, swapped)
  local found, message = read_options(body + 8, size - 8, swapped)
  return not found and message or nil
end

--- Adds the interface that a block describes to the section. One with wrong options counts too, so
-- that the later ones keep their numbers. It then has no options, so its times are in microseconds.
---@param state table
---@param body ffi.cdata*  const uint8_t *
---@param size integer     at least 8
---@param swapped boolean
---@return string? message  what is wrong with the block
function interface_block.add(state, body, size, swapped)
  local found, message = read_options(body + 8, size - 8, swapped)
  if not found and not state.first_linktype then
    return message
  elseif not grow(state) then
    return ("more than %u interfaces in the file"):format(MAX_INTERFACES)
  end
  local interfaces, options = state.interfaces, found or {}
  local interface = interfaces.list[interfaces.count]
  local number, snaplen = u16(body, swapped), u32(body + 4, swapped)
  local dlt, max_snaplen = linktype.read(number)
  if not dlt then
    return "out of memory"
  end
  if snaplen == 0 or snaplen > 0x7fffffff then
    snaplen = max_snaplen
  end
  local offset = options[TSOFFSET]
    and ffi.cast("int64_t", bytes.u64(options[TSOFFSET], swapped)) or 0LL
  local plain = time.prepare(interface, options.units or 1000000ULL, options.binary or false,
    offset, state.precision)
  interface.linktype, interface.snaplen, interface.file_linktype = dlt, snaplen, number
  interface.needs_fix = linktype.needs_fix(number, swapped) and 1 or 0
  interface.plain_snaplen = plain and interface.needs_fix == 0 and snaplen or -1
  interfaces.count = interfaces.count + 1
  interface.number = interfaces.before + interfaces.count
  interfaces.native_count = swapped and 0 or interfaces.count
  note(state, interface, body, max_snaplen)
  -- Without wrong options, a copy can be read behind this block.
  state.metadata:add_interface(body, message and WITHOUT_OPTIONS or size, swapped, interface)
  return message
end

--- Forgets the section's interfaces, because the next section has its own.
---@param state table
function interface_block.forget(state)
  local interfaces = state.interfaces
  interfaces.before = interfaces.before + interfaces.count
  interfaces.count, interfaces.native_count = 0, 0
end

return interface_block
