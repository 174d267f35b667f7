--- Frame Relay (Q.922), with the encapsulations of RFC 2427 and of Cisco.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, bor, lshift, rshift = bit.band, bit.bor, bit.lshift, bit.rshift
local flag, u16, u24 = view.flag, view.u16, view.u24
local UNNUMBERED = 0x03
local CONTROL = 0x02 -- in the last of 3 or 4 bytes: its upper six bits are not part of the DLCI
local POLL = 0x10 -- a bit of the control field
local SNAP = 0x80
local BRIDGED_OUI, BRIDGED_WITH_FCS, BRIDGED = 0x0080c2, 1, 7
local LINKTYPE_ETHERNET = 1

-- An address has 2, 3 or 4 bytes. The last one has its lowest bit set.
local function dlci(h)
  local bytes = h.bytes
  local number = bor(lshift(rshift(bytes[0], 2), 4), rshift(bytes[1], 4))
  if h.size == 4 then
    number = bor(lshift(number, 7), rshift(bytes[2], 1))
  end
  if h.size == 2 or flag(bytes[h.size - 1], CONTROL) then
    return number
  end
  return (bor(lshift(number, 6), rshift(bytes[h.size - 1], 2)))
end

local fields = {
  dlci = dlci,
  cr = function(h) return (flag(h.bytes[0], 2)) end,
  fecn = function(h) return (flag(h.bytes[1], 8)) end,
  becn = function(h) return (flag(h.bytes[1], 4)) end,
  de = function(h) return (flag(h.bytes[1], 2)) end,
  nlpid = function(h) return h.protocol >= 0 and h.protocol or nil end,
}

local function address_size(data, at, limit)
  if limit - at < 2 or band(data[at], 1) == 1 then
    return nil
  elseif band(data[at + 1], 1) == 1 then
    return 2
  elseif limit - at >= 3 and band(data[at + 2], 1) == 1 then
    return 3
  end
  return limit - at >= 4 and 4 or nil
end

local function keep(layers, header, data, from, size, at, stop, protocol)
  view.fill(header, data, from, size, stop)
  header.content_length, header.size, header.protocol = stop - at, size, protocol
  layers.frame_relay, layers.last = header, "frame_relay"
end

-- SNAP's five bytes announce an EtherType, or a bridged frame of Ethernet.
local function decode_snap(data, at, limit, stop)
  if limit - at < 5 then
    return nil, nil, at, limit, stop
  end
  local oui, kind = u24(data, at), u16(data, at + 3)
  if oui == 0 then
    return "ethertype", kind, at + 5, limit, stop
  elseif oui == BRIDGED_OUI and kind == BRIDGED then
    return "linktype", LINKTYPE_ETHERNET, at + 5, limit, stop
  elseif oui == BRIDGED_OUI and kind == BRIDGED_WITH_FCS and stop - at >= 9 then
    stop = stop - 4
    return "linktype", LINKTYPE_ETHERNET, at + 5, limit < stop and limit or stop, stop
  end
  return nil, nil, at, limit, stop
end

local function decode(layers, header, data, at, limit, stop)
  local start, size = at, address_size(data, at, limit)
  if not size or limit - at < size + 2 then
    return follow.fail(layers, "frame_relay: header cut short", at, limit, stop)
  end
  at = at + size
  if band(data[at], bit.bnot(POLL)) ~= UNNUMBERED then -- Cisco's
    keep(layers, header, data, start, size, at + 2, stop, -1)
    return "ethertype", u16(data, at), at + 2, limit, stop
  end
  at = at + 1
  if data[at] == 0 and limit - at >= 2 then
    at = at + 1 -- a pad
  end
  local protocol = data[at]
  at = at + 1
  keep(layers, header, data, start, size, at, stop, protocol)
  if protocol == SNAP then
    return decode_snap(data, at, limit, stop)
  end
  return "nlpid", protocol, at, limit, stop
end

return {
  name = "frame_relay",
  view = view.type("frame_relay", 4, fields, { "int32_t size", "int32_t protocol" }),
  decode = decode,
}
