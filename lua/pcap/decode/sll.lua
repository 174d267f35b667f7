--- Linux "cooked" captures, which "any" gives: the first version (SLL) and the second (SLL2).

local ffi = require "ffi"
local address = require "pcap.decode.address"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16, u32 = view.u16, view.u32
local DLT_SLL2 = 276
local NETLINK = 824 -- ARPHRD_NETLINK: the protocol is a netlink family there

-- Protocols that are no EtherTypes: a link type.
local ETH_P_802_2 = 4
local LINKTYPES = { [3] = 1, [7] = 9 } -- Ethernet, PPP

-- By hardware type: the link type of a radio's whole frames.
local RADIO = { [801] = 105, [802] = 119, [803] = 127 }

-- Where each version has its fields.
local PLACES = {
  [1] = { type = 14, hardware_type = 2, address = 6 },
  [2] = { type = 0, hardware_type = 8, address = 12 },
}

local function told_length(h)
  return h.version == 1 and u16(h.bytes, 4) or h.bytes[11]
end

-- If an address is longer, the header has only its first eight bytes.
local function address_length(h)
  return math.min(told_length(h), 8)
end

local fields = {
  packet_type = function(h) return h.version == 1 and u16(h.bytes, 0) or h.bytes[10] end,
  hardware_type = function(h) return (u16(h.bytes, PLACES[h.version].hardware_type)) end,
  type = function(h) return (u16(h.bytes, PLACES[h.version].type)) end,
  address_length = told_length,
  interface = function(h) return h.version == 2 and u32(h.bytes, 4) or nil end,
  src = function(h)
    if told_length(h) == 4 then -- a tunnel's
      return (address.ipv4(h.bytes, PLACES[h.version].address))
    end
    return (address.hex(h.bytes, PLACES[h.version].address, address_length(h)))
  end,
  src_bytes = function(h)
    return (ffi.string(h.bytes + PLACES[h.version].address, address_length(h)))
  end,
}

local function decode(layers, header, data, at, limit, stop, linktype)
  local version = linktype == DLT_SLL2 and 2 or 1
  local size = version == 2 and 20 or 16
  if limit - at < size then
    return follow.fail(layers, "sll: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, size, stop)
  header.version = version
  layers.sll, layers.last = header, "sll"
  local places = PLACES[version]
  local number, hardware = u16(data, at + places.type), u16(data, at + places.hardware_type)
  if RADIO[hardware] then
    return "linktype", RADIO[hardware], at + size, limit, stop
  elseif hardware == NETLINK then
    return nil, nil, at + size, limit, stop
  elseif LINKTYPES[number] then
    return "linktype", LINKTYPES[number], at + size, limit, stop
  elseif number == ETH_P_802_2 then
    return "llc", 0, at + size, limit, stop
  elseif number <= follow.LONGEST_LENGTH then
    return nil, nil, at + size, limit, stop
  end
  return "ethertype", number, at + size, limit, stop
end

return {
  name = "sll",
  view = view.type("sll", 20, fields, { "int32_t version" }),
  decode = decode,
}
