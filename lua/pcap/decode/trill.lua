--- TRILL (RFC 6325): a frame of Ethernet on its way between bridges that route.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, rshift, u16 = bit.band, bit.rshift, view.u16
local SIZE = 6
local LINKTYPE_ETHERNET = 1

local fields = {
  version = function(h) return (rshift(h.bytes[0], 6)) end,
  is_multicast = function(h) return (view.flag(h.bytes[0], 0x08)) end,
  hop_count = function(h) return (band(h.bytes[1], 63)) end,
  egress = function(h) return (u16(h.bytes, 2)) end,
  ingress = function(h) return (u16(h.bytes, 4)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "trill: header cut short", at, limit, stop)
  end
  local size = SIZE + band(rshift(u16(data, at), 6), 31) * 4
  view.fill(header, data, at, SIZE, stop)
  header.content_length = stop - at - size
  layers.trill, layers.last = header, "trill"
  if limit - at < size then
    return follow.cut(layers, header, "trill: options cut short", at + size, limit, stop)
  end
  return "inner_linktype", LINKTYPE_ETHERNET, at + size, limit, stop
end

return { name = "trill", view = view.type("trill", SIZE, fields), decode = decode }
