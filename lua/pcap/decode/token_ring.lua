--- Token Ring (IEEE 802.5), with the route that source-routing bridges put after the addresses.

local bit = require "bit"
local address = require "pcap.decode.address"
local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, flag = bit.band, view.flag
local SIZE = 14
local IS_ROUTED = 0x80 -- a bit of the source address
local LLC_FRAME = 1

local function src(h)
  local bytes = ffi.string(h.bytes + 8, 6)
  return string.char(band(bytes:byte(), 0x7f)) .. bytes:sub(2)
end

local fields = {
  access_control = function(h) return h.bytes[0] end,
  frame_control = function(h) return h.bytes[1] end,
  dst = function(h) return (address.mac(h.bytes, 2)) end,
  src = function(h) return (address.text(src(h))) end,
  dst_bytes = function(h) return (ffi.string(h.bytes + 2, 6)) end,
  src_bytes = src,
  is_routed = function(h) return (flag(h.bytes[8], IS_ROUTED)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "token_ring: header cut short", at, limit, stop)
  end
  local size = SIZE
  if flag(data[at + 8], IS_ROUTED) then
    size = limit - at > SIZE and SIZE + band(data[at + SIZE], 31) or SIZE
  end
  view.fill(header, data, at, SIZE, stop)
  header.content_length = stop - at - size
  layers.token_ring, layers.last = header, "token_ring"
  if limit - at < size or header.is_routed and size == SIZE then
    return follow.cut(layers, header, "token_ring: route cut short", at + size, limit, stop)
  end
  if bit.rshift(data[at + 1], 6) ~= LLC_FRAME then
    return nil, nil, at + size, limit, stop
  end
  return "llc", 0, at + size, limit, stop
end

return { name = "token_ring", view = view.type("token_ring", SIZE, fields), decode = decode }
