--- PPI, per-packet information: fields in front of a packet of another link type.

local bit = require "bit"
local apart = require "pcap.decode.apart"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local flag, u16le, u32le = view.flag, view.u16le, view.u32le
local SIZE = 8
local IEEE802_11 = 105
local COMMON, COMMON_SIZE = 2, 20 -- the field with what all frames of IEEE 802.11 have
local ALIGNED = 1 -- a flag: each field begins at four bytes
local PPI = 192

local fields = {
  version = function(h) return h.bytes[0] end,
  flags = function(h) return h.bytes[1] end,
  length = function(h) return (u16le(h.bytes, 2)) end,
  linktype = function(h) return (u32le(h.bytes, 4)) end,
}

-- Whether the field at `at` is the one that says whether a check sequence ends the frame.
local function is_common(data, at, last)
  return last - at >= 4 + COMMON_SIZE and u16le(data, at) == COMMON
    and u16le(data, at + 2) >= COMMON_SIZE
end

-- Whether a check sequence ends the frame, by the fields from `at` to `last`.
local search = apart(function(data, at, last, is_aligned)
  while last - at >= 4 and not is_common(data, at, last) do
    local size = u16le(data, at + 2)
    at = at + 4 + (is_aligned and bit.band(size + 3, -4) or size)
  end
  return last - at >= 4 and flag(data[at + 12], 1)
end)

local function has_fcs(data, at, last, is_aligned)
  if is_common(data, at, last) then -- most often it comes first
    return flag(data[at + 12], 1)
  end
  return last - at >= 4 and search(data, at, last, is_aligned)
end

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "ppi: header cut short", at, limit, stop)
  end
  local size, linktype = u16le(data, at + 2), u32le(data, at + 4)
  if size < SIZE then
    return follow.fail(layers, "ppi: length is less than the header's", at, limit, stop)
  elseif limit - at < size then
    return follow.fail(layers, "ppi: header cut short", at, limit, stop)
  end
  if linktype == IEEE802_11 and stop - at - size >= 4
      and has_fcs(data, at + SIZE, at + size, flag(data[at + 1], ALIGNED)) then
    stop = stop - 4
    if limit > stop then limit = stop end
  end
  view.fill(header, data, at, SIZE, stop)
  header.content_length = stop - at - size
  layers.ppi, layers.last = header, "ppi"
  if linktype == PPI then
    return nil, nil, at + size, limit, stop
  end
  return "linktype", linktype, at + size, limit, stop
end

return { name = "ppi", view = view.type("ppi", SIZE, fields), decode = decode }
