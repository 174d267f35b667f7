--- VN-Tag (Cisco's, proposed as IEEE 802.1Qbh): the virtual interfaces between which a frame goes.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, rshift = bit.band, bit.rshift
local flag, u16 = view.flag, view.u16
local SIZE = 6

local fields = {
  direction = function(h) return (rshift(h.bytes[0], 7)) end,
  pointer = function(h) return (flag(h.bytes[0], 0x40)) end,
  dst_vif = function(h) return (band(u16(h.bytes, 0), 0x3fff)) end,
  looped = function(h) return (flag(h.bytes[2], 0x80)) end,
  version = function(h) return (band(rshift(h.bytes[2], 4), 3)) end,
  src_vif = function(h) return (band(u16(h.bytes, 2), 0xfff)) end,
  type = function(h) return (u16(h.bytes, 4)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "vntag: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.vntag, layers.last = header, "vntag"
  return follow.type_or_length(header, u16(data, at + 4), data, at + SIZE, limit, stop)
end

return { name = "vntag", view = view.type("vntag", SIZE, fields), decode = decode }
