--- What a pcapng file tells besides its packets: interfaces, statistics, names, secrets, section.
--
-- Blocks are kept as they stand. They are read when somebody asks for them.

local ffi = require "ffi"
local bytes = require "pcap.format.pcapng_bytes"
local fields = require "pcap.format.pcapng_fields"
local kept = require "pcap.format.pcapng_kept"

local metadata = {}

local u16, u32, u64 = bytes.u16, bytes.u32, bytes.u64

local SECTION, INTERFACE, NAMES, STATISTICS, SECRETS = 0x0a0d0d0a, 1, 4, 5, 10

local Metadata = {}
Metadata.__index = Metadata

---@param keeps_blocks? boolean  whether blocks of no known type are kept too
function metadata.new(keeps_blocks)
  return setmetatable({ interface_blocks = kept.new(), name_blocks = kept.new(),
    secret_blocks = kept.new(), other_blocks = keeps_blocks and kept.new(), statistics = {},
    section_kept = kept.new(), followers = setmetatable({}, { __mode = "k" }) }, Metadata)
end

--- Forgets all blocks, because the file is read from its beginning again. Nobody copies the file
-- until put_back().
---@return table before  what was forgotten
function Metadata:forget()
  local before = {}
  for key, value in pairs(self) do
    before[key] = value
  end
  self.section_body = nil
  self:put_back(metadata.new(before.other_blocks and true))
  return before
end

--- Has again what forget() returned, or some of it.
function Metadata:put_back(before)
  for key, value in pairs(before) do
    self[key] = value
  end
end

-- A block as those who copy the file get it.
---@param number? integer  of the interface that it is about
local function for_copies(kind, body, size, swapped, number)
  return { kind = kind, body = ffi.string(body, size), swapped = swapped, number = number }
end

-- Keeps a block for copies that begin later, and hands it to those who are writing one now.
local function hand_on(self, kind, body, size, swapped, number)
  self.section_kept:add(body, size, swapped, kind, number)
  for _, write in pairs(self.followers) do
    write(for_copies(kind, body, size, swapped, number))
  end
end

--- The section's blocks up to here, without packets. Its header comes first. See
-- capture/origin.lua.
---@return { kind: integer, body: string, swapped: boolean, number?: integer }[]
function Metadata:section_blocks()
  local list = {}
  for body, size, swapped, kind, number in self.section_kept:each() do
    list[#list + 1] = for_copies(kind, body, size, swapped, number > 0 and number or nil)
  end
  return list
end

--- Calls a function with each later block for as long as its owner lives. The function must not
-- keep the owner alive.
---@param owner any
---@param write fun(block: table)
function Metadata:follow(owner, write)
  self.followers[owner] = write
end

--- Records that a section begins. Only the newest section is kept.
function Metadata:start_section(body, size, swapped)
  self.section_body, self.section_swapped = ffi.string(body, size), swapped
  self.section_kept = kept.new()
  hand_on(self, SECTION, body, size, swapped)
end

--- Keeps an interface's block. Interfaces are numbered from 1 over the whole file.
function Metadata:add_interface(body, size, swapped, interface)
  self.interface_blocks:add(body, size, swapped, interface.linktype, interface.snaplen)
  hand_on(self, INTERFACE, body, size, swapped, interface.number)
end

function Metadata:add_names(body, size, swapped)
  self.name_blocks:add(body, size, swapped)
  hand_on(self, NAMES, body, size, swapped)
end

function Metadata:add_secrets(body, size, swapped)
  self.secret_blocks:add(body, size, swapped)
  hand_on(self, SECRETS, body, size, swapped)
end

--- Keeps a block of unknown type, if the caller wants those.
---@param block ffi.cdata*  const uint8_t *, the whole block
function Metadata:add_block(kind, block, length, swapped)
  if self.other_blocks then
    self.other_blocks:add(block, length, swapped, kind)
    hand_on(self, kind, block + 8, length - 12, swapped)
  end
end

--- Reads an interface statistics block. For each interface the newest counts.
---@param interfaces ffi.cdata*  luapcap_interfaces
function Metadata:add_statistics(body, size, swapped, interfaces)
  if size < 12 then
    return
  end
  local index, number = u32(body, swapped), nil
  if index < interfaces.count then
    number = interfaces.before + index + 1
    self.statistics[number] = fields.read(fields.STATISTICS, body + 12, size - 12, swapped)
  end
  hand_on(self, STATISTICS, body, size, swapped, number)
end

-- A time of a statistics block in seconds since 1970.
local function seconds(count, interface)
  local power = interface.tsresol % 128
  local units = interface.tsresol < 128 and 10 ^ power or 2 ^ power
  return count / units + tonumber(interface.tsoffset)
end

-- Adds the values of the interface's newest statistics block.
local function add_counts(interface, statistics)
  for name, value in pairs(statistics or {}) do
    if name == "started" or name == "ended" then
      value = seconds(value, interface)
    end
    if interface[name] == nil then
      interface[name] = value
    end
  end
end

--- All interfaces up to here.
---@return table[] list
function Metadata:interfaces()
  local list = {}
  for body, size, swapped, linktype, snaplen in self.interface_blocks:each() do
    local interface = fields.read(fields.INTERFACE, body + 8, size - 8, swapped)
    interface.number = #list + 1
    interface.linktype, interface.snaplen = linktype, snaplen
    interface.tsresol = interface.tsresol or 6
    interface.tsoffset = interface.tsoffset or 0
    add_counts(interface, self.statistics[interface.number])
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

--- The names from the name resolution blocks up to here, in the file's order.
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

--- The blocks of unknown type that have come since the last call.
---@return { type: integer, bytes: string, swapped: boolean }[]
---@return integer lost  how many there was no room for
function Metadata:blocks()
  local list, blocks = {}, self.other_blocks
  for block, size, swapped, kind in blocks:each() do
    list[#list + 1] = { type = kind, bytes = ffi.string(block, size), swapped = swapped }
  end
  local lost = blocks.lost
  if #list > 0 then
    self.other_blocks = kept.new()
  end
  return list, lost
end

return metadata
