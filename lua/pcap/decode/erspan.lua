--- ERSPAN, mirrored frames in GRE: type I without a header, II, and III (draft-foschiano-erspan).

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, rshift = bit.band, bit.rshift
local fill, flag, u16, u32 = view.fill, view.flag, view.u16, view.u32
local TYPE_III = 0x22eb
local SIZES = { 0, 8, 12 }
local PLATFORM = 8 -- bytes of a platform's own header after type III's
local LINKTYPE_ETHERNET, LINKTYPE_RAW = 1, 101
local FRAME_TYPES = { [0] = LINKTYPE_ETHERNET, [2] = LINKTYPE_RAW } -- type III's

local function of(kind, field)
  return function(h) return h.type >= kind and field(h) or nil end
end

local fields = {
  version = of(2, function(h) return rshift(h.bytes[0], 4) end),
  vlan = of(2, function(h) return band(u16(h.bytes, 0), 0xfff) end),
  cos = of(2, function(h) return rshift(h.bytes[2], 5) end),
  truncated = function(h) if h.type >= 2 then return (flag(h.bytes[2], 0x04)) end end,
  session = of(2, function(h) return band(u16(h.bytes, 2), 0x3ff) end),
  index = function(h) return h.type == 2 and band(u32(h.bytes, 4), 0xfffff) or nil end,
  timestamp = of(3, function(h) return u32(h.bytes, 4) end),
  sgt = of(3, function(h) return u16(h.bytes, 8) end),
  frame_type = of(3, function(h) return band(rshift(h.bytes[10], 2), 31) end),
  hardware_id = of(3, function(h) return band(rshift(u16(h.bytes, 10), 4), 63) end),
  direction = of(3, function(h) return band(rshift(h.bytes[11], 3), 1) end),
}

local function decode(layers, header, data, at, limit, stop, number)
  local kind = 1 -- without a sequence number there is no header
  if number == TYPE_III or layers.gre.seq_num then
    kind = limit > at and rshift(data[at], 4) + 1 or 2
    if kind ~= 2 and kind ~= 3 then
      return follow.fail(layers, "erspan: version is neither 1 nor 2", at, limit, stop)
    end
  end
  local size = SIZES[kind]
  if limit - at < size then
    return follow.fail(layers, "erspan: header cut short", at, limit, stop)
  end
  fill(header, data, at, size, stop)
  header.type = kind
  layers.erspan, layers.last = header, "erspan"
  local linktype = LINKTYPE_ETHERNET
  if kind == 3 then
    linktype = FRAME_TYPES[header.frame_type]
    if flag(data[at + 11], 1) then
      size = size + PLATFORM
      if limit - at < size then
        return follow.fail(layers, "erspan: platform's header cut short", at + 12, limit, stop)
      end
      header.content_length = stop - at - size
    end
  end
  return linktype and "inner_linktype", linktype, at + size, limit, stop
end

return {
  name = "erspan",
  view = view.type("erspan", 12, fields, { "int32_t type" }),
  decode = decode,
}
