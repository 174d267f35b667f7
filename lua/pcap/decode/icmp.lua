--- ICMP (RFC 792).

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16 = view.u16
local SIZE = 8

-- Echo, timestamp, information and address mask: the types with an identifier and a sequence.
local HAS_ID = { [0] = true, [8] = true, [13] = true, [14] = true, [15] = true, [16] = true,
  [17] = true, [18] = true }

local fields = {
  type = function(h) return h.bytes[0] end,
  code = function(h) return h.bytes[1] end,
  checksum = function(h) return (u16(h.bytes, 2)) end,
  id = function(h) return HAS_ID[h.bytes[0]] and u16(h.bytes, 4) or nil end,
  seq = function(h) return HAS_ID[h.bytes[0]] and u16(h.bytes, 6) or nil end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "icmp: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.icmp, layers.last = header, "icmp"
  return nil, nil, at + SIZE, limit, stop
end

return { name = "icmp", view = view.type("icmp", SIZE, fields), decode = decode }
