--- Linux's nflog: what a firewall's rule shows of a packet, as attributes. One attribute is the
-- packet.

local bit = require "bit"
local apart = require "pcap.decode.apart"
local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band = bit.band
local u16, u16le, u32 = view.u16, view.u16le, view.u32
local SIZE = 4
local TYPE = 0x3fff
local ROOM = 516 -- for the attributes before the packet
local PACKET_HEADER, INPUT, OUTPUT, PAYLOAD, PREFIX, UID, GID = 1, 4, 5, 9, 10, 11, 14
local ETHERTYPES = { [2] = 0x0800, [10] = 0x86dd }

-- The complete attribute at `at`: its type; how many bytes it has with the four of its header; and
-- how many with its padding. Length and type are in the byte order of the machine that captured.
-- The two highest bits of the type are flags: in VLAN tags the first says that more attributes are
-- inside.
local function attribute(bytes, at, limit)
  if limit - at < SIZE then
    return nil
  end
  local size, kind = u16le(bytes, at), band(u16le(bytes, at + 2), TYPE)
  if kind >= 256 then
    size, kind = u16(bytes, at), band(u16(bytes, at + 2), TYPE)
  end
  if size < SIZE then
    return nil
  end
  return kind, size, band(size + 3, -4)
end

-- Where an attribute's bytes are in a view, and how many there are.
local function find(h, wanted)
  local at = SIZE
  local kind, size, padded = attribute(h.bytes, at, h.kept)
  while kind do
    if kind == wanted and size <= h.kept - at then
      return at + SIZE, size - SIZE
    end
    at = at + padded
    kind, size, padded = attribute(h.bytes, at, h.kept)
  end
end

local function number(wanted)
  return function(h)
    local at, size = find(h, wanted)
    return at and size == 4 and u32(h.bytes, at) or nil
  end
end

local fields = {
  family = function(h) return h.bytes[0] end,
  version = function(h) return h.bytes[1] end,
  resource_id = function(h) return (u16(h.bytes, 2)) end,
  prefix = function(h)
    local at, size = find(h, PREFIX)
    return at and ffi.string(h.bytes + at, size):match("^%Z*") or nil
  end,
  protocol = function(h)
    local at, size = find(h, PACKET_HEADER)
    return at and size == 4 and u16(h.bytes, at) or nil
  end,
  hook = function(h)
    local at, size = find(h, PACKET_HEADER)
    return at and size == 4 and h.bytes[at + 2] or nil
  end,
  input_interface = number(INPUT),
  output_interface = number(OUTPUT),
  uid = number(UID),
  gid = number(GID),
}

-- Where the attribute with the packet begins, how many bytes it has, and the EtherType that another
-- attribute tells.
local find_payload = apart(function(data, at, limit)
  local ethertype
  local kind, size, padded = attribute(data, at, limit)
  while kind and kind ~= PAYLOAD do
    if kind == PACKET_HEADER and size == 8 and limit - at >= 6 then
      ethertype = u16(data, at + 4)
    end
    at = at + padded
    kind, size, padded = attribute(data, at, limit)
  end
  return kind and at, size, ethertype
end)

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "nflog: header cut short", at, limit, stop)
  end
  local start = at
  local payload, size, ethertype = find_payload(data, at + SIZE, limit)
  local kept = (payload or limit) - start
  header.kept = kept <= ROOM and kept or ROOM
  if payload then
    at = payload + SIZE
    if payload + size < stop then
      stop = payload + size
      if limit > stop then limit = stop end
    end
  else
    at = start + SIZE
  end
  view.fill(header, data, start, header.kept, stop)
  header.content_length = stop - at
  layers.nflog, layers.last = header, "nflog"
  ethertype = ETHERTYPES[data[start]] or ethertype -- of a bridge the family does not tell
  return "ethertype", payload and ethertype or 0, at, limit, stop
end

return {
  name = "nflog",
  view = view.type("nflog", ROOM, fields, { "int32_t kept" }),
  decode = decode,
}
