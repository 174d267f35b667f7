--- Copies a pcapng file as a source of pcapng has a dumper do it: packet by packet, with the blocks
-- between them. It reads the file by itself, in nanoseconds, and knows enhanced packets only.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local opening = require "pcap.sink.opening"
local packet = require "pcap.packet"
local place = require "pcap.core.place"
local shell = require "spec.support.shell"

local SECTION, INTERFACE, STATISTICS, PACKET, SWAPPED = 0x0a0d0d0a, 1, 5, 6, 0x100
local DLTS = { [101] = 12 } -- on Linux; others are the same in files

-- A number of so many bytes in a block, from a byte counted from 1 on.
local function number(block, from, size)
  local bytes = block.body:sub(from, from + size - 1)
  local value = 0
  for i = 1, size do
    value = value * 256 + bytes:byte(block.is_big and i or size + 1 - i)
  end
  return value
end

-- The blocks of a file, up to one that is not whole.
local function blocks_of(text)
  local list, at, is_big = {}, 1, ffi.abi "be"
  while at + 11 <= #text do
    if text:sub(at, at + 3) == "\10\13\13\10" then
      is_big = text:sub(at + 8, at + 11) == "\26\43\60\77"
    end
    local head = { body = text:sub(at, at + 7), is_big = is_big }
    local length = number(head, 5, 4)
    list[#list + 1] = { kind = number(head, 1, 4), body = text:sub(at + 8, at + length - 5),
      is_big = is_big, swapped = is_big ~= ffi.abi "be" }
    at = at + length
  end
  return list
end

-- The value of an option of one byte; `from` is where the options start.
local function option(block, from, wanted)
  while from + 3 <= #block.body do
    local code, size = number(block, from, 2), number(block, from + 2, 2)
    if code == wanted then
      return block.body:byte(from + 4)
    end
    from = from + 4 + size + -size % 4
  end
end

local function read_interface(block)
  local resolution, linktype = option(block, 9, 9) or 6, number(block, 1, 2)
  local units = resolution < 128 and 10 ^ resolution or 2 ^ (resolution - 128)
  return { linktype = DLTS[linktype] or linktype, snaplen = number(block, 5, 4),
    units = ffi.cast("uint64_t", units) }
end

local function fill(pkt, block, interfaces, before)
  local interface = interfaces[before + number(block, 1, 4) + 1]
  local caplen, start = number(block, 13, 4), ffi.cast("const uint8_t *", block.body)
  local units = interface.units
  local time = number(block, 5, 4) * 2ULL ^ 32 + number(block, 9, 4)
  pkt.sec = tonumber(time / units)
  pkt.nsec = math.floor(tonumber(time % units) * 1e9 / tonumber(units))
  pkt.caplen, pkt.wirelen, pkt.data = caplen, number(block, 17, 4), start + 20
  pkt.linktype, pkt.interface = interface.linktype, before + number(block, 1, 4) + 1
  pkt.flags = block.swapped and SWAPPED or 0
  local padded = 20 + caplen + -caplen % 4
  pkt.options_start, pkt.options_length = start + padded, #block.body - padded
end

local function nothing()
end

--- Copies a file. What the dumper refuses is left out.
---@param from string  a path
---@param to string    another
---@param opts? table  more options of the dumper
return function(from, to, opts)
  local list, interfaces, before = blocks_of(shell.read(from)), {}, 0
  local so_far, first = {}
  repeat -- a source is open when it has its first interface
    local block = list[#so_far + 1]
    so_far[#so_far + 1] = block
    first = block.kind == INTERFACE and read_interface(block)
  until first
  interfaces[1], so_far[#so_far].number = first, 1
  local write
  local options = { format = opening.FORMATS.pcapng, origin = { section = nothing,
    interface = nothing, statistics = nothing, own = function() return {} end,
    blocks = function() return so_far end, follow = function(_, carry) write = carry end } }
  for key, value in pairs(opts or {}) do
    options[key] = value
  end
  local dumper = assert(opening.open(place.of(to), { linktype = first.linktype,
    snaplen = first.snaplen, precision = cdefs.TSTAMP_PRECISION_NANO }, options))
  local pkt = packet.new(0)
  for i = #so_far + 1, #list do
    local block = list[i]
    if block.kind == PACKET then
      fill(pkt, block, interfaces, before)
      dumper:dump(pkt)
    else
      before = block.kind == SECTION and #interfaces or before
      if block.kind == INTERFACE then
        interfaces[#interfaces + 1] = read_interface(block)
        block.number = #interfaces
      elseif block.kind == STATISTICS then
        block.number = before + number(block, 1, 4) + 1
      end
      write(block)
    end
  end
  assert(dumper:close())
end
