--- An interface of a pcapng file that is being written: its block, and what writing a packet needs.

local ffi = require "ffi"
local bytes = require "pcap.sink.pcapng_bytes"
local blocks = require "pcap.sink.pcapng_blocks"
local cdefs = require "pcap.core.cdefs"
local failure = require "pcap.core.failure"
local kinds = require "pcap.sink.kinds"
local linktypes = require "pcap.format.linktype"
local reading = require "pcap.format.pcapng_options"
local shim = require "pcap.core.shim"

local interface = {}

local MICRO, NANO = 6, 9
local EXACT = 2 ^ 53 - 1 -- seconds
local TSRESOL, TSOFFSET = 9, 14

-- The number that a link type has in files.
local function in_files(linktype)
  local header = ffi.new("luapcap_file_header")
  if shim.luapcap_savefile_header(linktype, 0, cdefs.TSTAMP_PRECISION_MICRO, header,
    failure.clear()) ~= 0 then
    return nil, failure.text()
  end
  return header.linktype
end

-- What writing an interface's packets needs. `tsresol` and `tsoffset` are as in the options.
local function prepare(linktype, snaplen, tsresol, tsoffset)
  local its = ffi.new("luapcap_block_interface")
  local is_binary = tsresol >= 128
  local power = tsresol % 128
  its.units = is_binary and 2ULL ^ power or 10ULL ^ power
  its.power = is_binary and power or -1
  its.nsec_per_unit = is_binary and 1 or 10 ^ math.max(NANO - power, 0)
  its.units_per_nsec = is_binary and 1 or 10ULL ^ math.max(power - NANO, 0)
  its.offset = tsoffset
  -- A number of Lua cannot hold times exactly that are farther off than EXACT.
  its.first = math.abs(tsoffset) < EXACT and tsoffset or math.huge
  its.last = math.min(tsoffset + tonumber(-1ULL / its.units) - 1, EXACT)
  its.linktype = linktype
  its.longest = kinds.longest_packet { linktype = linktype, snaplen = snaplen }
  return its
end

--- The value of the resolution option for a capture's precision.
---@return integer
function interface.tsresol(precision)
  return precision == cdefs.TSTAMP_PRECISION_NANO and NANO or MICRO
end

--- Makes an interface from a table.
---@param values table  linktype (a DLT number), snaplen and tsresol, and others that
--- pcapng_fields.INTERFACE names
---@return table|nil interface  { block = (its bytes), its = luapcap_block_interface }
---@return string|nil message
function interface.of_table(values)
  local number, message = in_files(values.linktype)
  if not number then
    return nil, message
  elseif number > 0xffff then
    return nil, ("link type %.0f does not go into a pcapng file"):format(number)
  end
  local block
  block, message = blocks.interface(number, values.snaplen, values)
  if not block then
    return nil, message
  end
  return { block = block, its = prepare(values.linktype, values.snaplen, values.tsresol,
    values.tsoffset or 0) }
end

local function option(body, size, code, wanted)
  local value, length = reading.find(body + 8, size - 8, false, code)
  return value and length == wanted and value or nil
end

--- Makes an interface from a file's block. Options that are unknown here are kept.
---@param text string  the block's body, at least 8 bytes, in this machine's byte order
---@return table|nil interface
---@return string|nil message
function interface.of_block(text)
  local body, size = ffi.cast("const uint8_t *", text), #text
  local number = ffi.cast("const uint16_t *", body)[0]
  local snaplen = ffi.cast("const uint32_t *", body)[1]
  local linktype, longest = linktypes.read(number)
  if not linktype then
    return nil, "not enough memory"
  end
  local block, message = bytes.block(blocks.INTERFACE, text)
  if not block then
    return nil, message
  end
  local resolution = option(body, size, TSRESOL, 1)
  local offset = option(body, size, TSOFFSET, 8)
  if snaplen == 0 or snaplen > 0x7fffffff then
    snaplen = longest
  end
  return { block = block, its = prepare(linktype, snaplen, resolution and resolution[0] or MICRO,
    offset and tonumber(ffi.cast("const int64_t *", offset)[0]) or 0) }
end

return interface
