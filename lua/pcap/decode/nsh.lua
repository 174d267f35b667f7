--- NSH, the header of a chain of services (RFC 8300): where in the chain a packet is.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, rshift = bit.band, bit.rshift
local SIZE = 8

local fields = {
  version = function(h) return (rshift(h.bytes[0], 6)) end,
  is_oam = function(h) return (view.flag(h.bytes[0], 0x20)) end,
  ttl = function(h) return (band(rshift(view.u16(h.bytes, 0), 6), 63)) end,
  length = function(h) return band(h.bytes[1], 63) * 4 end,
  md_type = function(h) return (band(h.bytes[2], 15)) end,
  next_protocol = function(h) return h.bytes[3] end,
  path = function(h) return (view.u24(h.bytes, 4)) end,
  index = function(h) return h.bytes[7] end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "nsh: header cut short", at, limit, stop)
  end
  local size = band(data[at + 1], 63) * 4
  if size < SIZE then
    return follow.fail(layers, "nsh: length is less than the header's", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  header.content_length = stop - at - size
  layers.nsh, layers.last = header, "nsh"
  if limit - at < size then
    return follow.cut(layers, header, "nsh: context cut short", at + size, limit, stop)
  end
  return "inner_nsh", data[at + 3], at + size, limit, stop
end

return { name = "nsh", view = view.type("nsh", SIZE, fields), decode = decode }
