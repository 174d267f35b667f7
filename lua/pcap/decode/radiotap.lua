--- Radiotap: what a radio says of a frame of IEEE 802.11. A bitmap announces the fields.

local bit = require "bit"
local apart = require "pcap.decode.apart"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local flag, u16le, u32le = view.flag, view.u16le, view.u32le
local SIZE = 8
local TSFT, FLAGS = 0x1, 0x2 -- bits of the first bitmap
local HAS_FCS, IS_PADDED = 0x10, 0x20 -- bits of the flags
local IEEE802_11 = 105

local fields = {
  version = function(h) return h.bytes[0] end,
  length = function(h) return (u16le(h.bytes, 2)) end,
  present = function(h) return (u32le(h.bytes, 4)) end,
  flags = function(h) return h.number >= 0 and h.number or nil end,
}

-- Where the bitmaps end, at most at `last`. Each but the last one has its highest bit set.
local function bitmaps_end(data, at, last)
  repeat
    local more = data[at + 3] >= 128
    at = at + 4
  until not more or at + 4 > last
  return at
end

local many_bitmaps_end = apart(bitmaps_end)

-- The byte with the flags, or -1. If a time stamp comes before it, that is aligned to eight bytes.
local function read_flags(data, start, last)
  if not flag(data[start + 4], FLAGS) then
    return -1
  end
  local at = start + 8
  if data[start + 7] >= 128 and at + 4 <= last then
    at = many_bitmaps_end(data, at, last)
  end
  if flag(data[start + 4], TSFT) then
    at = start + bit.band(at - start + 7, -8) + 8
  end
  return at < last and data[at] or -1
end

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "radiotap: header cut short", at, limit, stop)
  end
  local size = u16le(data, at + 2)
  if size < SIZE then
    return follow.fail(layers, "radiotap: length is less than the header's", at, limit, stop)
  elseif limit - at < size then
    return follow.fail(layers, "radiotap: header cut short", at, limit, stop)
  end
  local flags = read_flags(data, at, at + size)
  header.number = flags
  header.is_padded = flags >= 0 and flag(flags, IS_PADDED)
  if flags >= 0 and flag(flags, HAS_FCS) and stop - at - size >= 4 then
    stop = stop - 4
    if limit > stop then limit = stop end
  end
  view.fill(header, data, at, SIZE, stop)
  header.content_length = stop - at - size
  layers.radiotap, layers.last = header, "radiotap"
  return "linktype", IEEE802_11, at + size, limit, stop
end

return {
  name = "radiotap",
  view = view.type("radiotap", SIZE, fields, { "int32_t number", "bool is_padded" }),
  decode = decode,
}
