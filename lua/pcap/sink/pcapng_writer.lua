--- Writes into a pcapng file that has begun: packets, and whatever else it has.

local ffi = require "ffi"
local blocks = require "pcap.sink.pcapng_blocks"
local bytes = require "pcap.sink.pcapng_bytes"
local copying = require "pcap.sink.pcapng_copying"
local interfaces = require "pcap.sink.pcapng_interface"
local packet = require "pcap.packet"
local packet_options = require "pcap.sink.pcapng_packet"
local shim = require "pcap.core.shim"

local pcapng_writer = {}

local bytes_pointer = ffi.typeof("const uint8_t *")

-- Options may have so many bytes that the longest packet still fits into the block.
local MAX_OPTIONS = bytes.MAX_BLOCK - 2 ^ 20

local Writer = {}
Writer.__index = Writer

local function problem(its, pkt)
  if pkt.caplen > its.longest then
    return ("packet of %d bytes is longer than the %d that the file can hold")
      :format(pkt.caplen, its.longest)
  elseif pkt.sec < its.first or pkt.sec > its.last then
    return ("the interface cannot hold a time of %.0f seconds"):format(pkt.sec)
  elseif pkt.options_length > MAX_OPTIONS then
    return ("options of %.0f bytes do not go into a block"):format(pkt.options_length)
  end
end

-- Writes a packet that needs more work than write() does. If that fails, nothing of the packet is
-- written.
local function write_odd(self, handle, pkt, added)
  local section, number = self.section, added and added.interface
  local text, message = packet_options.options(pkt, added)
  local interface
  if text then
    interface, message = section:choose(pkt, number)
  end
  if not interface then
    return nil, message
  end
  local its, own = interface.its, self.own
  own.data, own.caplen, own.wirelen = pkt.data, pkt.caplen, pkt.wirelen
  own.sec, own.nsec = pkt.sec, pkt.nsec
  own.options_start, own.options_length = ffi.cast(bytes_pointer, text), #text
  message = problem(its, own)
  if message then
    return nil, message
  end
  local done = section:write_interface(interface)
  local simple = done and packet_options.simple(pkt, its, text)
  if simple then
    done = section:put(simple)
  elseif done then
    done = shim.luapcap_block_write(handle, own, its) == 0
  end
  if done and not number then
    section.targets[pkt.interface] = its
  end
  return done or nil, nil, text -- returned to keep it alive: `own` points into it
end

-- Whether the shim may write the packet as it is. Of the flags it knows those of a direction, 1 and
-- 2, if they are all that a packet has.
local function is_plain(pkt, its)
  return pkt.linktype == its.linktype
    and (pkt.flags == 0 or pkt.flags <= 2 and pkt.options_length == 0)
end

--- Writes a packet.
---@param handle ffi.cdata*  luapcap_dumper
---@param pkt ffi.cdata*     luapcap_packet
---@param added? table       as pcapng.PACKET takes it
---@return boolean|nil true
---@return string|nil message  nil if the system's errno tells why
function Writer:write(handle, pkt, added)
  local its = self.section.targets[pkt.interface]
  if added or not its or not is_plain(pkt, its) then
    local done, message = write_odd(self, handle, pkt, added)
    return done, message
  end
  if pkt.caplen > its.longest or pkt.sec < its.first or pkt.sec > its.last
    or pkt.options_length > MAX_OPTIONS then
    return nil, problem(its, pkt)
  end
  return shim.luapcap_block_write(handle, pkt, its) == 0 or nil
end

--- The link type of an interface's packets. If there is no such interface, that of the first.
function Writer:linktype_of(number)
  local section = self.section
  local interface = section.list[number] or section.list[1]
  return interface and interface.its.linktype or section.kind.linktype
end

--- Adds an interface.
---@param values table       as pcapng.INTERFACE takes it
---@return integer|nil number  from 1
---@return string|nil message
function Writer:add_interface(values)
  local section = self.section
  local interface, message = interfaces.of_table(section:completed(values))
  if not interface or not section:write_interface(interface) then
    return nil, message
  end
  local number = #section.list + 1
  local is_free = not section.made[number]
  section:add(interface, is_free and number)
  if is_free then
    section.targets[number] = interface.its
  end
  return number
end

--- Writes a comment on a section, see Section:comment().
---@param text string
---@return boolean|nil true
---@return string|nil message
function Writer:comment(text)
  return self.section:comment(text)
end

--- Writes names of addresses.
function Writer:add_names(list)
  return self.section:put_lasting(blocks.names(list))
end

--- Writes decryption secrets.
function Writer:add_secrets(list)
  return self.section:put_lasting(blocks.secrets(list))
end

--- Writes a block of any type.
function Writer:add_block(kind, body)
  return self.section:put(bytes.block(kind, body))
end

--- Writes blocks of the source that are no packets.
---@param list table[]    as copying.carry() takes them
---@param header? string  a block to write instead of the first
function Writer:carry(list, header)
  for i, block in ipairs(list) do
    if i == 1 and header then
      self.section:begin_anew(header)
    else
      copying.carry(self.section, block)
    end
  end
end

--- Writes the counts of the first interface, if the source still counts.
function Writer:finish()
  local section = self.section
  local interface, counted = section.list[1], section.origin.statistics()
  if not counted or not interface or interface.section ~= section.number then
    return
  end
  local its, now = interface.its, self.own
  local started, ended = ffi.new("uint32_t[2]"), ffi.new("uint32_t[2]")
  shim.luapcap_now(now)
  if self.started.sec < its.first or now.sec > its.last then
    return
  end
  shim.luapcap_block_time(its, self.started.sec, self.started.nsec, started)
  shim.luapcap_block_time(its, now.sec, now.nsec, ended)
  section:put(blocks.statistics(its.number, started, ended, counted))
end

--- Makes a writer for a section.
---@param section table  of pcapng_section.new()
---@return table
function pcapng_writer.new(section)
  return setmetatable({ section = section, own = packet.new(0), started = packet.new(0) }, Writer)
end

return pcapng_writer
