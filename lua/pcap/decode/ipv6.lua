--- IPv6 (RFC 8200). Its extension headers, which follow, add to the view.

local bit = require "bit"
local ffi = require "ffi"
local address = require "pcap.decode.address"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, bor, lshift, rshift = bit.band, bit.bor, bit.lshift, bit.rshift
local fill, flag, u16, u24 = view.fill, view.flag, view.u16, view.u24
local SIZE = 40
local HOP_BY_HOP = 0

-- Extension headers may bring two more addresses, which the view has here, after the header: the
-- last one of a route that has segments to come, and a mobile node's own.
local FINAL_DST, HOME = SIZE, SIZE + 16

-- What extension headers may change: the size of all headers; the protocol after them; the
-- fragment's offset and flag, as they stand in the header, and its id; the routing header's type
-- and segments left; and whether the two addresses are there.
local MEMBERS = { "int32_t header_size", "int32_t proto", "int32_t fragment",
  "double fragment_id", "int32_t routing_kind", "int32_t segments", "bool is_routed",
  "bool has_home" }

local fields = {
  version = function(h) return (rshift(h.bytes[0], 4)) end,
  ToS = function(h) return (band(rshift(u16(h.bytes, 0), 4), 255)) end,
  flow_label = function(h) return (band(u24(h.bytes, 1), 0xfffff)) end,
  payload_length = function(h) return (u16(h.bytes, 4)) end,
  next_header = function(h) return h.bytes[6] end,
  ttl = function(h) return h.bytes[7] end,
  src = function(h) return (address.ipv6(h.bytes, 8)) end,
  dst = function(h) return (address.ipv6(h.bytes, 24)) end,
  src_bytes = function(h) return (ffi.string(h.bytes + 8, 16)) end,
  dst_bytes = function(h) return (ffi.string(h.bytes + 24, 16)) end,
  routing_type = function(h) return h.routing_kind >= 0 and h.routing_kind or nil end,
  segments_left = function(h) return h.routing_kind >= 0 and h.segments or nil end,
  final_dst = function(h) return h.is_routed and address.ipv6(h.bytes, FINAL_DST) or nil end,
  final_dst_bytes = function(h)
    return h.is_routed and ffi.string(h.bytes + FINAL_DST, 16) or nil
  end,
  home_address = function(h) return h.has_home and address.ipv6(h.bytes, HOME) or nil end,
  home_address_bytes = function(h) return h.has_home and ffi.string(h.bytes + HOME, 16) or nil end,
  id = function(h) return h.fragment_id >= 0 and h.fragment_id or nil end,
  more_fragments = function(h) return (flag(h.fragment, 1)) end,
  fragment_offset = function(h) return (rshift(h.fragment, 3)) end,
  is_fragment = function(h) return (flag(h.fragment, 0xfff9)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "ip: header cut short", at, limit, stop)
  elseif rshift(data[at], 4) ~= 6 then
    return follow.fail(layers, "ip: version is not 6", at, limit, stop)
  end
  local length = bor(lshift(data[at + 4], 8), data[at + 5])
  if at + SIZE + length > stop then
    layers.error = layers.error or "ip: payload length is more than there was"
  elseif length > 0 or data[at + 6] ~= HOP_BY_HOP then -- else it is a jumbogram (RFC 2675)
    stop = at + SIZE + length
    if limit > stop then limit = stop end
  end
  fill(header, data, at, SIZE, stop)
  header.header_size, header.proto = SIZE, data[at + 6]
  header.fragment, header.fragment_id, header.routing_kind = 0, -1, -1
  header.is_routed, header.has_home = false, false
  layers.ip, layers.last = header, "ip"
  return "ip", data[at + 6], at + SIZE, limit, stop
end

return {
  name = "ip",
  view = view.type("ipv6", SIZE + 32, fields, MEMBERS),
  decode = decode,
  FINAL_DST = FINAL_DST, HOME = HOME,
}
