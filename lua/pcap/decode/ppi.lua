--- PPI, per-packet information: fields in front of a packet of another link type.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local flag, u16le, u32le = view.flag, view.u16le, view.u32le
local SIZE = 8
local IEEE802_11, COMMON = 105, 2 -- the field with what all frames of IEEE 802.11 have
local PPI = 192

local fields = {
  version = function(h) return h.bytes[0] end,
  flags = function(h) return h.bytes[1] end,
  length = function(h) return (u16le(h.bytes, 2)) end,
  linktype = function(h) return (u32le(h.bytes, 4)) end,
}

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
  -- Its flags say whether a check sequence ends the frame.
  if linktype == IEEE802_11 and size >= 22 and u16le(data, at + 8) == COMMON
      and flag(data[at + 20], 1) and stop - at - size >= 4 then
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
