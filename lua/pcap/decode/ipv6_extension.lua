--- IPv6's extension headers, one at a time. Each is noted in the view of IP, or in the view of the
-- authentication header that came before it.

local bit = require "bit"
local ffi = require "ffi"
local apart = require "pcap.decode.apart"
local follow = require "pcap.decode.follow"
local ipv6 = require "pcap.decode.ipv6"
local view = require "pcap.decode.view"

local copy, u16, u32 = ffi.copy, view.u16, view.u32
local HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
local SOURCE_ROUTE, MOBILITY, RPL, SEGMENTS = 0, 2, 3, 4 -- types of routing headers
local PAD1, HOME_ADDRESS = 0, 201
local FINAL_DST, HOME = ipv6.FINAL_DST, ipv6.HOME

-- Options with room for a home address have at least this size.
local LONG = 24

local find_home = apart(function(ip, data, at, limit)
  at = at + 2
  while at + 1 < limit do
    local size = data[at] == PAD1 and 1 or data[at + 1] + 2
    if data[at] == HOME_ADDRESS and at + 18 <= limit then -- whatever length it says it has
      copy(ip.bytes + HOME, data + at + 2, 16)
      ip.has_home = true
      return
    end
    at = at + size
  end
end)

-- RPL's addresses (RFC 6554) leave out the bytes that they share with the destination's address.
-- The last one shares another number of them than those before it.
local function put_rpl(ip, data, at, size)
  local each, shared = 16 - bit.rshift(data[at + 4], 4), bit.band(data[at + 4], 15)
  local before = size - 8 - bit.rshift(data[at + 5], 4) - (16 - shared)
  if before >= 0 then
    copy(ip.bytes + FINAL_DST, ip.bytes + 24, 16)
    copy(ip.bytes + FINAL_DST + shared, data + (at + 8 + before - before % each), 16 - shared)
    ip.is_routed = true
  end
end

-- The packet's final destination. Checksums sum this address.
local function route(ip, data, at, size)
  local kind, segments = data[at + 2], data[at + 3]
  ip.routing_kind, ip.segments = kind, segments
  if segments == 0 or size < 24 then
    return
  elseif kind == SOURCE_ROUTE then
    copy(ip.bytes + FINAL_DST, data + (at + 8 + bit.rshift(size - 8, 4) * 16 - 16), 16)
    ip.is_routed = true
  elseif kind == MOBILITY or kind == SEGMENTS then -- the only one; the last one (RFC 8754)
    copy(ip.bytes + FINAL_DST, data + (at + 8), 16)
    ip.is_routed = true
  end
end

-- What the view of IP takes from the header. All of the header is there.
local function note(ip, data, at, size, number)
  if number == FRAGMENT then
    ip.fragment, ip.fragment_id = u16(data, at + 2), u32(data, at + 4)
  elseif number == ROUTING then
    route(ip, data, at, size)
    if data[at + 2] == RPL and data[at + 3] > 0 then
      put_rpl(ip, data, at, size)
    end
  elseif size >= LONG and (number == DESTINATION or number == HOP_BY_HOP) then
    find_home(ip, data, at, at + size)
  end
end

local function decode(layers, _, data, at, limit, stop, number)
  local ip = layers.ip
  if not ip or ip.version ~= 6 then
    return nil, nil, at, limit, stop -- after IPv4 these numbers are no extensions
  elseif limit - at < 8 then
    return follow.fail(layers, "ip: extension header cut short", at, limit, stop)
  end
  local size = number == FRAGMENT and 8 or 8 + data[at + 1] * 8
  if limit - at < size then
    return follow.fail(layers, "ip: extension header cut short", at, limit, stop)
  end
  if layers.ah then -- then this header belongs to what the authentication header carries
    layers.ah.proto = data[at]
    layers.ah.content_length = layers.ah.content_length - size
  else
    ip.proto = data[at]
    ip.header_size = ip.header_size + size
    ip.content_length = ip.content_length - size
  end
  note(ip, data, at, size, number)
  if number == FRAGMENT and ip.fragment_offset ~= 0 then
    return nil, nil, at + size, limit, stop -- what follows is the middle of something
  end
  return "ip", data[at], at + size, limit, stop
end

return { decode = decode }
