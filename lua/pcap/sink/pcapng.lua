--- The format pcapng: sections, and in them a block for each packet. This begins a file;
-- pcapng_writer.lua goes on.

local beginning = require "pcap.sink.pcapng_beginning"
local continuing = require "pcap.sink.pcapng_continuing"
local fields = require "pcap.sink.pcapng_fields"
local file = require "pcap.sink.file"
local options = require "pcap.core.options"
local packet_options = require "pcap.sink.pcapng_packet"
local sections = require "pcap.sink.pcapng_section"
local shim = require "pcap.core.shim"
local system = require "pcap.core.system"
local whole = require "pcap.sink.pcapng_whole"
local writers = require "pcap.sink.pcapng_writer"

local pcapng = {
  name = "pcapng",
  --- The values that a caller may give for a section, an interface and a packet, for
  -- options.read(). Other values that readers give are accepted, but not written.
  SECTION = fields.kinds(fields.SECTION, {}, { "swapped", "byte_order", "major", "minor",
    "length" }),
  INTERFACE = fields.kinds(fields.INTERFACE, { linktype = options.integer(0, 2 ^ 31 - 1),
    snaplen = options.integer(0, 2 ^ 31 - 1) }, { "number", "started", "ended", "received",
    "dropped", "accepted", "os_dropped", "delivered" }),
  PACKET = packet_options.OPTIONS,
}

-- Prepares the file for a new section: checks that one can be added, or cuts off the old contents.
local function make_room(self, where, has_more)
  if has_more then
    return whole.check(where.path)
  end
  return file.cut(self.section.handle, where)
end

-- Writes the first section's header and interfaces.
local function begin(self, opts, given, header, interface)
  local section = self.section
  if opts.previous then
    continuing.begin(section, opts.previous.section)
    self.started = opts.previous.started -- the source counts from there on
  elseif given then
    section.first = interface or false
    self:carry(given, opts.section and header)
  else
    section:begin_anew(header)
    section:add(interface, 1)
    section:write_interface(interface)
    section.targets[1] = interface.its
  end
end

--- Begins a file, or adds a section to one.
---@param handle ffi.cdata*  luapcap_dumper, which stays the caller's
---@param where table        of place.read()
---@param kind table         of kinds.of()
---@param opts table         { append = boolean, section = and interface = as above, origin = of
---   capture/origin.lua, is_part = whether another file will go on from here, previous = the writer
---   of the file that this one goes on from }
---@return table|nil writer
---@return string|nil message
---@return integer|nil errno
function pcapng.new(handle, where, kind, opts)
  local section = sections.new(handle, kind, opts.origin or pcapng.NO_ORIGIN,
    file.path_of(where) ~= nil and not opts.compress and not opts.thread)
  local self = writers.new(section)
  section.kept = opts.is_part and {} or false
  local given, header, interface
  if not opts.previous then
    given = section.origin.blocks()
    header, interface = beginning.blocks(section, opts, given ~= nil)
    if not header then
      return nil, interface
    end
  end
  local has_more = opts.append and shim.luapcap_dumper_to_end(handle) > 0
  local done, message, errno = make_room(self, where, has_more)
  if not done then
    return nil, message, errno
  end
  shim.luapcap_now(self.started)
  begin(self, opts, given, header, interface)
  self.linktype = self:linktype_of(1)
  done, message, errno = file.outcome(shim.luapcap_dumper_flush(handle))
  return done and self, message, errno
end

local function nothing()
end

--- The origin of a dumper that has no source.
pcapng.NO_ORIGIN = { interface = nothing, section = nothing, statistics = nothing,
  blocks = nothing, follow = nothing, own = function() return { os = (system.names()) } end }

return pcapng
