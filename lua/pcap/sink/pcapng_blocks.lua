--- Makes the blocks of a pcapng file that are no packets, from the values that users give.

local ffi = require "ffi"
local address = require "pcap.core.address"
local bytes = require "pcap.sink.pcapng_bytes"
local fields = require "pcap.sink.pcapng_fields"

local blocks = {}

local u16, u32, u64 = bytes.u16, bytes.u32, bytes.u64

--- Types of blocks.
blocks.SECTION, blocks.INTERFACE, blocks.NAMES, blocks.STATISTICS, blocks.SECRETS =
  0x0a0d0d0a, 1, 4, 5, 10

-- A block whose body ends with options.
local function with_options(kind, body, list)
  local options, message = bytes.options(list)
  if not options then
    return nil, message
  end
  return bytes.block(kind, body .. options)
end

local function of_fields(kind, body, known, values)
  local list, message = fields.list(known, values)
  if not list then
    return nil, message
  end
  return with_options(kind, body, list)
end

-- Magic number and version 1.0. The length is left open: it is not known before the section ends.
local SECTION_BODY = u32(0x1a2b3c4d) .. u16(1) .. u16(0) .. ("\255"):rep(8)

--- A section header.
---@param values table  by the names of fields.SECTION
---@return string|nil block
---@return string|nil message
function blocks.section(values)
  return of_fields(blocks.SECTION, SECTION_BODY, fields.SECTION, values)
end

--- An interface description.
---@param linktype integer  as it stands in files
---@param snaplen integer   bytes
---@param values table      by the names of fields.INTERFACE
---@return string|nil block
---@return string|nil message
function blocks.interface(linktype, snaplen, values)
  return of_fields(blocks.INTERFACE, u16(linktype) .. u16(0) .. u32(snaplen), fields.INTERFACE,
    values)
end

-- The type of a name record, by the length of its address. A record has its type, its length, an
-- address, and names. Each name ends with a zero byte.
local RECORDS = { [4] = 1, [16] = 2, [6] = 3, [8] = 4 }

local function name_record(entry)
  -- Eight pairs of digits are an EUI-64, as names() gives it. As an IPv6 address they would be odd.
  local own = address.parse_hardware(entry.address, 8) or address.parse(entry.address)
    or address.parse_hardware(entry.address, 6)
  if not own then
    return nil, ("%q is no address"):format(entry.address)
  end
  local parts = { own }
  for _, name in ipairs(entry.names) do
    local shown, problem = fields.text(name)
    if not shown then
      return nil, "names: " .. problem
    end
    parts[#parts + 1] = shown .. "\0"
  end
  local value = table.concat(parts)
  if #value > bytes.MAX_OPTION then
    return nil, ("names of %d bytes are longer than the %d that a record holds")
      :format(#value, bytes.MAX_OPTION)
  end
  return u16(RECORDS[#own]) .. u16(#value) .. bytes.padded(value)
end

--- Names of addresses.
---@param list { address: string, names: string[] }[]
---@return string|nil block
---@return string|nil message
function blocks.names(list)
  local parts = {}
  for i, entry in ipairs(list) do
    local record, message = name_record(entry)
    if not record then
      return nil, message
    end
    parts[i] = record
  end
  return bytes.block(blocks.NAMES, table.concat(parts) .. ("\0"):rep(4))
end

--- Decryption secrets, a block each.
---@param list { type: integer, data: string }[]
---@return string|nil blocks
---@return string|nil message
function blocks.secrets(list)
  local parts = {}
  for i, entry in ipairs(list) do
    local block, message = bytes.block(blocks.SECRETS,
      u32(entry.type) .. u32(#entry.data) .. bytes.padded(entry.data))
    if not block then
      return nil, message
    end
    parts[i] = block
  end
  return table.concat(parts)
end

local function time_bytes(time)
  return ffi.string(time, 8)
end

--- The counts of an interface.
---@param number integer        of the interface in the section, from 0
---@param started ffi.cdata*    uint32_t[2]: when counting began, in the interface's units
---@param ended ffi.cdata*      uint32_t[2]: when it ended
---@param counted table         { received =, dropped = }, packets
---@return string|nil block
function blocks.statistics(number, started, ended, counted)
  return with_options(blocks.STATISTICS, u32(number) .. time_bytes(ended), {
    { code = 2, value = time_bytes(started) }, { code = 3, value = time_bytes(ended) },
    { code = 4, value = u64(counted.received) }, { code = 5, value = u64(counted.dropped) },
  })
end

return blocks
