--- What a pcapng file begins with: a section's header and the first interface.

local bit = require "bit"
local ffi = require "ffi"
local fields = require "pcap.sink.pcapng_fields"
local interfaces = require "pcap.sink.pcapng_interface"
local sections = require "pcap.sink.pcapng_section"
local shim = require "pcap.core.shim"
local system = require "pcap.core.system"

local beginning = {}

-- The values of a section if the source gives none.
local function default_section()
  local os, hardware = system.names()
  return { os = os, hardware = hardware,
    application = "pcap for LuaJIT, " .. ffi.string(shim.luapcap_lib_version()) }
end

-- The length of frame check sequences in bytes. A classic file's header has it beside the link
-- type, in units of 16 bits.
local function fcslen(extension)
  if extension and bit.band(extension, 0x04000000) ~= 0 then
    return bit.rshift(extension, 28) * 2
  end
end

-- The values of the first interface. Those of the source that cannot be written are left out.
local function first_interface(section, given)
  local origin = section.origin
  return section:completed({ fcslen = fcslen(section.kind.extension) },
    fields.writable(fields.INTERFACE, origin.own()),
    fields.writable(fields.INTERFACE, origin.interface(1) or {}), given or {})
end

-- The values of the first section. The caller's replace the source's, or the defaults if the source
-- gives none.
local function section_values(section, given)
  local values = {}
  local known = fields.writable(fields.SECTION, section.origin.section() or {})
  if #fields.list(fields.SECTION, known) == 0 then
    known = default_section()
  end
  for key, value in pairs(known) do
    values[key] = value
  end
  if given and given.comment then
    values.comments = nil
  end
  for key, value in pairs(given or {}) do
    values[key] = value
  end
  return values
end

--- The header of the first section, and the interface that goes with it. They have the caller's
-- values, and otherwise the source's. If the source gives its own blocks, pcapng.new() writes each
-- of the two only if the caller gave values for it.
---@param section table  of pcapng_section.lua
---@param opts table     { section =, interface = } as pcapng.new() takes them
---@param has_own boolean  whether the source gives its own blocks
---@return string|nil header
---@return table|string|nil interface  nil if it is not needed; or what is wrong
function beginning.blocks(section, opts, has_own)
  section.values = section_values(section, opts.section)
  local header, message = sections.header(section.values)
  if not header then
    return nil, message
  elseif has_own and not opts.interface then
    return header
  end
  local interface
  interface, message = interfaces.of_table(first_interface(section, opts.interface))
  return interface and header, interface or message
end

return beginning
