--- The options of a packet that is written: those that it has, and those that the caller adds.

local bit = require "bit"
local ffi = require "ffi"
local bytes = require "pcap.sink.pcapng_bytes"
local fields = require "pcap.sink.pcapng_fields"
local options = require "pcap.core.options"
local order = require "pcap.sink.pcapng_order"
local reading = require "pcap.format.pcapng_options"

local packet = {}

local FLAGS, HASH, DROPPED, COMMENT, VERDICT = 2, 3, 4, 1, 7
-- Bits of a packet's own flags, as format/pcapng_readers.lua has them.
local DIRECTION, SWAPPED, OBSOLETE, SIMPLE = 3, 0x100, 0x200, 0x400
local UNKNOWN_DROPS = 0xffff
local SIMPLE_PACKET = 3 -- a block's type

local DIRECTIONS = { ["in"] = 1, out = 2 }

local function direction(value)
  return DIRECTIONS[value], '"in" or "out"'
end

--- The values that a caller may add to a packet.
packet.OPTIONS = fields.kinds(fields.PACKET, {
  direction = direction,
  interface = options.integer(1, 2 ^ 32 - 1),
  options = options.list(options.record({ code = options.integer(1, 65535),
    value = options.string }, { "code", "value" }), "tables"),
})

-- Whether a packet may have several options of a code.
local function is_repeatable(code)
  return code == COMMENT or code == HASH or code == VERDICT or code > VERDICT
end

-- Adds an option. If there can be only one of its code, it replaces the first in the list. The
-- list is searched only then, because there may be very many comments.
local function put(list, option)
  local place = #list + 1
  if not is_repeatable(option.code) then
    for i = #list, 1, -1 do
      place = list[i].code == option.code and i or place
    end
  end
  list[place] = option
end

local function flags_of(list)
  for _, option in ipairs(list) do
    if option.code == FLAGS and #option.value == 4 then
      return ffi.cast("const uint32_t *", option.value)[0]
    end
  end
  return 0
end

local function put_direction(list, value)
  local flags = bit.bor(bit.band(flags_of(list), bit.bnot(DIRECTION)), value)
  put(list, { code = FLAGS, value = bytes.u32(flags % 2 ^ 32) })
end

-- The options that the packet has, and those that its flags stand for.
local function brought(pkt)
  local flags = pkt.flags
  local swapped = bit.band(flags, SWAPPED) ~= 0
  local list = {}
  if pkt.options_length > 0 then
    list = reading.list(pkt.options_start, pkt.options_length, swapped)
  end
  if swapped then
    order.turn(list, order.PACKET)
  end
  local drops = bit.rshift(flags, 16)
  if bit.band(flags, OBSOLETE) ~= 0 and drops ~= UNKNOWN_DROPS then
    put(list, { code = DROPPED, value = bytes.u64(drops) })
  end
  local value = bit.band(flags, DIRECTION)
  if value ~= 0 and bit.band(flags_of(list), DIRECTION) == 0 then
    put_direction(list, value)
  end
  return list
end

--- All options of a packet.
---@param pkt ffi.cdata*  luapcap_packet
---@param added? table    as packet.OPTIONS takes them
---@return string|nil text  with the end option after them; "" for none
---@return string|nil message
function packet.options(pkt, added)
  local list = brought(pkt)
  added = added or {}
  local more, message = fields.list(fields.PACKET, added)
  if not more then
    return nil, message
  end
  for _, option in ipairs(more) do
    put(list, option)
  end
  for _, option in ipairs(added.options or {}) do
    put(list, option)
  end
  if added.direction then
    put_direction(list, added.direction)
  end
  return bytes.options(list)
end

--- The simple packet block of a packet that came in one. Nil if a reader would not get the same
-- packet from it: the block has no interface, no time, no captured length and no options.
---@param pkt ffi.cdata*  luapcap_packet
---@param its ffi.cdata*  luapcap_block_interface
---@param text string     the packet's options
---@return string|nil block
function packet.simple(pkt, its, text)
  if bit.band(pkt.flags, SIMPLE) ~= 0 and its.number == 0 and text == ""
    and pkt.caplen == math.min(pkt.wirelen, its.longest)
    and pkt.sec == its.offset and pkt.nsec == 0 then
    return (bytes.block(SIMPLE_PACKET, bytes.u32(pkt.wirelen) .. ffi.string(pkt.data, pkt.caplen)))
  end
end

return packet
