--- ICMP (RFC 792), and the packets that its errors quote.

local address = require "pcap.decode.address"
local follow = require "pcap.decode.follow"
local quoted = require "pcap.decode.quoted"
local view = require "pcap.decode.view"

local u16 = view.u16
local SIZE = 8
local UNREACHABLE, QUENCH, REDIRECT, EXCEEDED, PROBLEM = 3, 4, 5, 11, 12
local FRAGMENTATION_NEEDED = 4

-- Echo, timestamp, information and address mask: the types with an identifier and a sequence.
local HAS_ID = { [0] = true, [8] = true, [13] = true, [14] = true, [15] = true, [16] = true,
  [17] = true, [18] = true }

local QUOTES = { [UNREACHABLE] = true, [QUENCH] = true, [REDIRECT] = true, [EXCEEDED] = true,
  [PROBLEM] = true }

-- Where the quoted bytes end. Some messages tell it in words of 32 bits, because extensions follow
-- (RFC 4884).
local function quoted_end(h)
  local kind, words = h.bytes[0], h.bytes[5]
  if words > 0 and kind ~= QUENCH and kind ~= REDIRECT and SIZE + words * 4 < h.kept then
    return SIZE + words * 4
  end
  return h.kept
end

local fields = {
  type = function(h) return h.bytes[0] end,
  code = function(h) return h.bytes[1] end,
  checksum = function(h) return (u16(h.bytes, 2)) end,
  id = function(h) return HAS_ID[h.bytes[0]] and u16(h.bytes, 4) or nil end,
  seq = function(h) return HAS_ID[h.bytes[0]] and u16(h.bytes, 6) or nil end,
  gateway = function(h) return h.bytes[0] == REDIRECT and address.ipv4(h.bytes, 4) or nil end,
  pointer = function(h) return h.bytes[0] == PROBLEM and h.bytes[4] or nil end,
  mtu = function(h)
    local needed = h.bytes[0] == UNREACHABLE and h.bytes[1] == FRAGMENTATION_NEEDED
    return needed and u16(h.bytes, 6) or nil
  end,
  quoted = function(h)
    if not QUOTES[h.bytes[0]] or h.kept <= SIZE then
      return nil
    end
    return (quoted.layers(h, 0x0800, SIZE, quoted_end(h)))
  end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "icmp: header cut short", at, limit, stop)
  end
  if QUOTES[data[at]] then
    quoted.keep(header, data, at, limit, stop)
  else
    view.fill(header, data, at, SIZE, stop)
    header.kept = SIZE
  end
  layers.icmp, layers.last = header, "icmp"
  return nil, nil, at + SIZE, limit, stop
end

return {
  name = "icmp",
  view = view.type("icmp", quoted.ROOM, fields, { "int32_t kept" }),
  decode = decode,
}
