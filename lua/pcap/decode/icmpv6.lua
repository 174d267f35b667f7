--- ICMPv6 (RFC 4443): four bytes, and more bytes whose meaning depends on the type.

local follow = require "pcap.decode.follow"
local ndp = require "pcap.decode.ndp"
local quoted = require "pcap.decode.quoted"
local view = require "pcap.decode.view"

local u16, u32 = view.u16, view.u32
local SIZE = 8
local UNREACHABLE, TOO_BIG, EXCEEDED, PROBLEM = 1, 2, 3, 4
local ECHO_REQUEST, ECHO_REPLY = 128, 129
local QUERY, DONE = 130, 132 -- of multicast listeners (RFC 2710, 3810)
local IPV6 = 0x86dd

local function is_echo(h)
  return h.bytes[0] == ECHO_REQUEST or h.bytes[0] == ECHO_REPLY
end

-- Where the quoted bytes end. Some messages tell it in words of 64 bits, because extensions follow
-- (RFC 4884).
local function quoted_end(h)
  local kind, words = h.bytes[0], h.bytes[4]
  if words > 0 and (kind == UNREACHABLE or kind == EXCEEDED) and SIZE + words * 8 < h.kept then
    return SIZE + words * 8
  end
  return h.kept
end

local fields = {
  type = function(h) return h.bytes[0] end,
  code = function(h) return h.bytes[1] end,
  checksum = function(h) return (u16(h.bytes, 2)) end,
  id = function(h) return is_echo(h) and u16(h.bytes, 4) or nil end,
  seq = function(h) return is_echo(h) and u16(h.bytes, 6) or nil end,
  pointer = function(h) return h.bytes[0] == PROBLEM and u32(h.bytes, 4) or nil end,
  mtu = function(h)
    if h.bytes[0] == TOO_BIG then
      return (u32(h.bytes, 4))
    end
    return (ndp.mtu(h))
  end,
  group = function(h)
    local kind = h.bytes[0]
    return kind >= QUERY and kind <= DONE and ndp.address(h, SIZE) or nil
  end,
  quoted = function(h)
    local first, last = SIZE, quoted_end(h)
    if h.bytes[0] < UNREACHABLE or h.bytes[0] > PROBLEM then
      first, last = ndp.redirected(h)
    end
    return first and last > first and quoted.layers(h, IPV6, first, last) or nil
  end,
}
for key, field in pairs(ndp.fields) do
  fields[key] = field
end

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "icmpv6: header cut short", at, limit, stop)
  end
  if data[at] == ECHO_REQUEST or data[at] == ECHO_REPLY then
    view.fill(header, data, at, SIZE, stop)
    header.kept = SIZE
  else
    quoted.keep(header, data, at, limit, stop)
  end
  layers.icmpv6, layers.last = header, "icmpv6"
  return nil, nil, at + SIZE, limit, stop
end

return {
  name = "icmpv6",
  view = view.type("icmpv6", quoted.ROOM, fields, { "int32_t kept" }),
  decode = decode,
}
