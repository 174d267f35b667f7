--- What a pcapng file tells beside its packets: interfaces, statistics, names, secrets, section.
--
-- Blocks are kept as they stand and read when they are asked for.

local ffi = require "ffi"
local bytes = require "pcap.format.pcapng_bytes"
local fields = require "pcap.format.pcapng_fields"
local kept = require "pcap.format.pcapng_kept"

local metadata = {}

local u16, u32, u64 = bytes.u16, bytes.u32, bytes.u64

local Metadata = {}
Metadata.__index = Metadata

function metadata.new()
  return setmetatable({ number = 0, interface_blocks = kept.new(), name_blocks = kept.new(),
    secret_blocks = kept.new(), statistics = {} }, Metadata)
end

--- Notes that a section begins, of which only the newest is kept.
function Metadata:start_section(body, size, swapped)
  self.section_body, self.section_swapped = ffi.string(body, size), swapped
end

--- Keeps an interface's block. Interfaces are numbered from 1 over the whole file.
function Metadata:add_interface(body, size, swapped, interface)
  self.number = self.number + 1
  self.interface_blocks:add(body, size, swapped,
    { interface.linktype, interface.snaplen, tonumber(interface.exact_resolution) })
end

function Metadata:add_names(body, size, swapped)
  self.name_blocks:add(body, size, swapped)
end

function Metadata:add_secrets(body, size, swapped)
  self.secret_blocks:add(body, size, swapped)
end

--- Reads an interface statistics block. The newest of an interface counts.
---@param interfaces ffi.cdata*  luapcap_interfaces
function Metadata:add_statistics(body, size, swapped, interfaces)
  if size < 12 then
    return
  end
  local index = u32(body, swapped)
  if index < interfaces.count then
    self.statistics[interfaces.before + index + 1] = fields.read(fields.STATISTICS, body + 12,
      size - 12, swapped)
  end
end

--- All interfaces up to here.
---@return table[] list
function Metadata:interfaces()
  local list = {}
  for body, size, swapped, extra in self.interface_blocks:each() do
    local interface = fields.read(fields.INTERFACE, body + 8, size - 8, swapped)
    interface.number = #list + 1
    interface.linktype, interface.snaplen = extra[1], extra[2]
    interface.tsresol = interface.tsresol or 6
    interface.tsoffset = interface.tsoffset or 0
    for name, value in pairs(self.statistics[interface.number] or {}) do
      if interface[name] == nil then
        interface[name] = value
      end
    end
    list[interface.number] = interface
  end
  return list
end

--- The section that is being read.
---@return table? section
function Metadata:section()
  local text = self.section_body
  if not text then
    return nil
  end
  local body, swapped = ffi.cast("const uint8_t *", text), self.section_swapped
  local section = fields.read(fields.SECTION, body + 16, #text - 16, swapped)
  section.swapped = swapped
  section.byte_order = (ffi.abi("le") ~= swapped) and "little" or "big"
  section.major, section.minor = u16(body + 4, swapped), u16(body + 6, swapped)
  local length = ffi.cast("int64_t", u64(body + 8, swapped))
  section.length = length >= 0 and bytes.number(length) or nil
  return section
end

local function add_names_of(list, at, rest, swapped)
  while rest >= 4 do
    local kind, size = u16(at, swapped), u16(at + 2, swapped)
    local padded = size + -size % 4
    if kind == 0 or padded > rest - 4 then
      return
    end
    local entry = fields.name_record(kind, at + 4, size)
    list[#list + 1] = entry
    at, rest = at + 4 + padded, rest - 4 - padded
  end
end

--- What the name resolution blocks up to here say, in the file's order.
---@return { address: string, names: string[] }[]
function Metadata:names()
  local list = {}
  for body, size, swapped in self.name_blocks:each() do
    add_names_of(list, body, size, swapped)
  end
  return list
end

--- The decryption secrets up to here, in the file's order.
---@return { type: integer, data: string }[]
function Metadata:secrets()
  local list = {}
  for body, size, swapped in self.secret_blocks:each() do
    local length = size >= 8 and u32(body + 4, swapped)
    if length and length <= size - 8 then
      list[#list + 1] = { type = u32(body, swapped), data = ffi.string(body + 8, length) }
    end
  end
  return list
end

return metadata
