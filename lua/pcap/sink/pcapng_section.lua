--- The section of a pcapng file that is being written: its header, and its interfaces.
--
-- Each interface of the source has one here, and its packets go there. That one is made when the
-- source tells of it, or with the first packet that needs it.

local DLT = require "pcap.dlt"
local blocks = require "pcap.sink.pcapng_blocks"
local fields = require "pcap.sink.pcapng_fields"
local interfaces = require "pcap.sink.pcapng_interface"
local shim = require "pcap.core.shim"

local section = {}

-- The longest section header that libpcap reads.
local MAX_HEADER = 2 ^ 20

-- Fields:
-- `handle`: the dumper's luapcap_dumper;
-- `can_cut`: whether we may cut off what is in the file;
-- `kind`: the defaults of an interface, as kinds.of() gives them;
-- `origin`: what the source tells, see capture/origin.lua;
-- `values`: the values of the section's header;
-- `list`: all interfaces, by the number that users know;
-- `made`: our interface for one of the source, by its number there, and by "linktype/number";
-- `targets`: by that number, what writing its packets needs, if this section has the interface;
-- `number`, `count`: the section's number, and how many interfaces it has;
-- `start`, `behind`: where its header begins, and where the header and what belongs to it end;
-- `first`: the interface that replaces the source's first, if the caller wants another;
-- `header`: the header's block, without comments that came later;
-- `kept`: blocks that the next file begins with too, or false if there will be none.
local Section = {}
Section.__index = Section

--- Writes bytes. If there are none, it returns the message that says why.
---@param text string|nil
---@param message string|nil
---@return boolean|nil true
---@return string|nil message  nil if the system's errno tells why
function Section:put(text, message)
  if not text then
    return nil, message
  end
  return shim.luapcap_dumper_write(self.handle, text, #text) == 0 or nil
end

--- Makes a section of which nothing has been written yet.
---@param handle ffi.cdata*  luapcap_dumper
---@param kind table         of kinds.of()
---@param origin table       of capture/origin.lua
---@param can_cut boolean     whether what is in the file may be cut off
---@return table
function section.new(handle, kind, origin, can_cut)
  return setmetatable({ handle = handle, kind = kind, origin = origin, can_cut = can_cut,
    values = {}, list = {}, made = {}, targets = {}, number = 0, count = 0, start = 0, behind = 0,
    first = false, header = "", kept = false }, Section)
end

--- Writes a block that the next file of a rotation begins with too.
function Section:put_lasting(text, message)
  if self.kept and text then
    table.insert(self.kept, text)
  end
  return self:put(text, message)
end

-- Records that the header and what belongs to it end here.
local function note_behind(self)
  self.behind = shim.luapcap_dumper_tell(self.handle)
end

local function has_only_header(self)
  return self.behind >= 0 and shim.luapcap_dumper_tell(self.handle) == self.behind
end

--- Begins a section with a header's block. It does not have the previous section's interfaces yet.
function Section:begin(block)
  self.start = shim.luapcap_dumper_tell(self.handle)
  self.number, self.count, self.targets = self.number + 1, 0, {}
  local done, message = self:put(block)
  note_behind(self)
  return done, message
end

--- Begins a section as begin() does, for a source's or the file's first. What came before does not
-- last.
function Section:begin_anew(block)
  self.header = block
  self.kept = self.kept and {}
  return self:begin(block)
end

--- A section header's block.
---@return string|nil block
---@return string|nil message
function section.header(values)
  local block, message = blocks.section(values)
  if block and #block > MAX_HEADER then
    return nil, ("section header of %d bytes is longer than %d"):format(#block, MAX_HEADER)
  end
  return block, message
end

--- Writes an interface's block, if the section does not have it.
function Section:write_interface(interface)
  if interface.section == self.number then
    return true
  end
  local only_header = has_only_header(self)
  local done = self:put(interface.block)
  if done then
    interface.section, interface.its.number = self.number, self.count
    self.count = self.count + 1
    if only_header then
      note_behind(self)
    end
  end
  return done
end

--- Adds an interface to the list, for packets of a number in the source. Nothing is written.
function Section:add(interface, number)
  self.list[#self.list + 1] = interface
  if number then
    self.made[number] = interface
    self.made[interface.its.linktype .. "/" .. number] = interface
  end
end

--- The values of an interface. The dumper's kind gives those that are missing.
---@param ... table  values; those of a later table replace those of an earlier one
---@return table values
function Section:completed(...)
  local all, kind = {}, self.kind
  for _, given in ipairs { ... } do
    for key, value in pairs(given) do
      all[key] = value
    end
  end
  all.linktype = all.linktype or kind.linktype
  all.snaplen = (all.snaplen or 0) > 0 and all.snaplen or kind.snaplen
  all.tsresol = all.tsresol or interfaces.tsresol(kind.precision)
  all.tsoffset = all.tsoffset ~= 0 and all.tsoffset or nil
  return all
end

-- Makes an interface for packets of a number in the source, with what the source tells of it.
local function make(self, number, linktype)
  local known = self.origin.interface(number)
  if not known or known.linktype ~= linktype then
    known = { linktype = linktype }
  end
  known = fields.writable(fields.INTERFACE, known)
  local interface, message = interfaces.of_table(self:completed(known))
  if interface then
    self:add(interface, number)
  end
  return interface, message
end

local function name_of(linktype)
  return DLT[linktype] or tostring(linktype)
end

--- The interface that a packet goes to. It may not be written yet.
---@param pkt ffi.cdata*      luapcap_packet
---@param number integer|nil  of the interface that the caller wants
---@return table|nil interface
---@return string|nil message
function Section:choose(pkt, number)
  if not number then
    local made = self.made[pkt.linktype .. "/" .. pkt.interface]
    if made then
      return made
    end
    return make(self, pkt.interface, pkt.linktype)
  end
  local interface = self.list[number]
  if not interface then
    return nil, ("there is no interface %.0f"):format(number)
  elseif interface.its.linktype ~= pkt.linktype then
    return nil, ("packet of link type %s does not go to an interface of %s")
      :format(name_of(pkt.linktype), name_of(interface.its.linktype))
  end
  return interface
end

-- Lets packets go to the same interfaces as in the previous section.
local function go_on(self, before)
  for _, interface in ipairs(self.list) do
    if interface.section == before and not self:write_interface(interface) then
      return nil
    end
  end
  for number, interface in pairs(self.made) do
    if interface.section == self.number and type(number) == "number" then
      self.targets[number] = interface.its
    end
  end
  return true
end

local function take_back(self)
  return shim.luapcap_dumper_flush(self.handle) == 0
    and shim.luapcap_dumper_cut(self.handle, self.start) == 0
end

--- Writes a comment on a section. If this one is still empty and its header can be rewritten, the
-- comment goes there. Otherwise a new section begins with it.
---@param text string
---@return boolean|nil true
---@return string|nil message
function Section:comment(text)
  local is_same, old, comments = self.can_cut and has_only_header(self), self.values, {}
  if is_same then
    for i, comment in ipairs(old.comments or { old.comment }) do
      comments[i] = comment
    end
  end
  comments[#comments + 1] = text
  local values = { comments = comments, hardware = old.hardware, os = old.os,
    application = old.application }
  local block, message = section.header(values)
  if not block then
    return nil, message
  end
  local before = self.number
  if is_same and not take_back(self) or not self:begin(block) then
    return nil
  end
  self.values = values
  return go_on(self, before)
end

return section
