--- IEEE 802.2 LLC, and the EtherType that SNAP adds to it (RFC 1042).

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16, u24 = view.u16, view.u24

local ENCAPSULATED, BRIDGE_TUNNEL = 0, 0x0000f8 -- RFC 1042, IEEE 802.1H
local BRIDGED_OUI, BRIDGED_WITH_FCS, BRIDGED = 0x0080c2, 1, 7 -- RFC 2684
local LINKTYPE_ETHERNET = 1

local fields = {
  dsap = function(h) return h.bytes[0] end,
  ssap = function(h) return h.bytes[1] end,
  control = function(h) return h.bytes[2] end,
}

-- A frame of Ethernet, after two bytes of padding.
local function bridged(layers, kind, at, limit, stop)
  if kind ~= BRIDGED and (kind ~= BRIDGED_WITH_FCS or stop - at < 4) then
    return nil, nil, at, limit, stop
  elseif kind == BRIDGED_WITH_FCS then
    stop = stop - 4
    if limit > stop then limit = stop end
  end
  return layers.eth and "inner_linktype" or "linktype", LINKTYPE_ETHERNET, at, limit, stop
end

local function decode(layers, header, data, at, limit, stop)
  if limit - at < 3 then
    return follow.fail(layers, "llc: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, 3, stop)
  layers.llc, layers.last = header, "llc"
  local is_snap = u16(data, at) == 0xaaaa and data[at + 2] == 3 and limit - at >= 8
  if is_snap and (u24(data, at + 3) == ENCAPSULATED or u24(data, at + 3) == BRIDGE_TUNNEL) then
    view.append(header, 3, data, at + 3, 5)
    return "ethertype", u16(data, at + 6), at + 8, limit, stop
  elseif is_snap and u24(data, at + 3) == BRIDGED_OUI and limit - at >= 10 then
    view.append(header, 3, data, at + 3, 5)
    return bridged(layers, u16(data, at + 6), at + 10, limit, stop)
  end
  return "sap", data[at], at + 3, limit, stop
end

return { name = "llc", view = view.type("llc", 8, fields), decode = decode }
