--- Solaris' ipnet: an IP packet, with the interfaces and zones between which it went.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u32 = view.u32
local SIZE = 24
local ETHERTYPES = { [2] = 0x0800, [26] = 0x86dd }

local fields = {
  version = function(h) return h.bytes[0] end,
  family = function(h) return h.bytes[1] end,
  hook = function(h) return (view.u16(h.bytes, 2)) end,
  length = function(h) return (u32(h.bytes, 4)) end,
  interface = function(h) return (u32(h.bytes, 8)) end,
  group_interface = function(h) return (u32(h.bytes, 12)) end,
  src_zone = function(h) return (u32(h.bytes, 16)) end,
  dst_zone = function(h) return (u32(h.bytes, 20)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "ipnet: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.ipnet, layers.last = header, "ipnet"
  return "ethertype", ETHERTYPES[data[at + 1]] or 0, at + SIZE, limit, stop
end

return { name = "ipnet", view = view.type("ipnet", SIZE, fields), decode = decode }
