--- IPv4 (RFC 791).

local bit = require "bit"
local ffi = require "ffi"
local address = require "pcap.decode.address"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, lshift, rshift = bit.band, bit.lshift, bit.rshift
local copy, flag, u16, u32 = ffi.copy, view.flag, view.u16, view.u32
local SIZE = 20

local SOURCE_ROUTES = { [131] = true, [137] = true } -- loose and strict
local END, NOTHING = 0, 1

-- Where the last address of a source route is, if the route has hops to come. The destination in
-- the header is not the last address then. Nil if there is no such route.
local function final_dst_at(h)
  local at, limit = SIZE, band(h.bytes[0], 15) * 4
  while at + 2 < limit and h.bytes[at] ~= END do
    local length = h.bytes[at] == NOTHING and 1 or math.max(h.bytes[at + 1], 1)
    if SOURCE_ROUTES[h.bytes[at]] and h.bytes[at + 2] >= 4 and h.bytes[at + 2] <= length
        and length >= 7 and at + length <= limit then
      return at + length - 4
    end
    at = at + length
  end
end

local fields = {
  version = function(h) return (rshift(h.bytes[0], 4)) end,
  header_size = function(h) return band(h.bytes[0], 15) * 4 end,
  ToS = function(h) return h.bytes[1] end,
  total_length = function(h) return (u16(h.bytes, 2)) end,
  id = function(h) return (u16(h.bytes, 4)) end,
  dont_fragment = function(h) return (flag(h.bytes[6], 0x40)) end,
  more_fragments = function(h) return (flag(h.bytes[6], 0x20)) end,
  fragment_offset = function(h) return (band(u16(h.bytes, 6), 0x1fff)) end,
  is_fragment = function(h) return (flag(u16(h.bytes, 6), 0x3fff)) end,
  ttl = function(h) return h.bytes[8] end,
  proto = function(h) return h.bytes[9] end,
  checksum = function(h) return (u16(h.bytes, 10)) end,
  src = function(h) return (address.ipv4(h.bytes, 12)) end,
  dst = function(h) return (address.ipv4(h.bytes, 16)) end,
  src_bytes = function(h) return (ffi.string(h.bytes + 12, 4)) end,
  dst_bytes = function(h) return (ffi.string(h.bytes + 16, 4)) end,
  src_number = function(h) return (u32(h.bytes, 12)) end,
  dst_number = function(h) return (u32(h.bytes, 16)) end,
  is_routed = function(h) return final_dst_at(h) ~= nil end,
  final_dst = function(h)
    local at = final_dst_at(h)
    return at and address.ipv4(h.bytes, at)
  end,
  final_dst_bytes = function(h)
    local at = final_dst_at(h)
    return at and ffi.string(h.bytes + at, 4)
  end,
  options = function(h) return (ffi.string(h.bytes + SIZE, band(h.bytes[0], 15) * 4 - SIZE)) end,
}

-- Where the packet ends by its total length. If a network card does the segmentation, the length
-- may be zero: then the packet ends where the frame does.
local function packet_end(layers, total, at, stop)
  if total == 0 then
    return stop
  elseif at + total > stop then
    layers.error = layers.error or "ip: total length is more than there was"
    return stop
  end
  return at + total
end

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "ip: header cut short", at, limit, stop)
  end
  local size = lshift(band(data[at], 15), 2)
  if rshift(data[at], 4) == 6 then
    return "ethertype", 0x86dd, at, limit, stop -- some tunnels have one number for both
  elseif rshift(data[at], 4) ~= 4 then
    return follow.fail(layers, "ip: version is not 4", at, limit, stop)
  elseif size < SIZE then
    return follow.fail(layers, "ip: header size is less than 20", at, limit, stop)
  end
  local total = u16(data, at + 2)
  if limit - at < size then
    view.fill_cut(header, data, at, size, limit, stop)
    layers.ip, layers.last = header, "ip"
    return follow.fail(layers, "ip: options cut short", limit, limit, stop)
  elseif total < size and total ~= 0 then
    return follow.fail(layers, "ip: total length is less than the header's", at, limit, stop)
  end
  stop = packet_end(layers, total, at, stop)
  if limit > stop then limit = stop end
  if size == SIZE then
    copy(header.bytes, data + at, SIZE) -- a constant size compiles to three moves
  else
    copy(header.bytes, data + at, size)
  end
  header.begin, header.content_length = at + 1, stop - at - size
  layers.ip, layers.last = header, "ip"
  if band(u16(data, at + 6), 0x1fff) ~= 0 then
    return nil, nil, at + size, limit, stop -- what follows is the middle of something
  end
  return "ip", data[at + 9], at + size, limit, stop
end

return { name = "ip", view = view.type("ipv4", 60, fields), decode = decode }
