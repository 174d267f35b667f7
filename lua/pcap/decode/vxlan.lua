--- VXLAN (RFC 7348): Ethernet in UDP.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local fill = view.fill
local SIZE = 8
local LINKTYPE_ETHERNET = 1

local fields = {
  flags = function(h) return h.bytes[0] end,
  vni = function(h) return (view.u24(h.bytes, 4)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "vxlan: header cut short", at, limit, stop)
  end
  fill(header, data, at, SIZE, stop)
  layers.vxlan, layers.last = header, "vxlan"
  return "inner_linktype", LINKTYPE_ETHERNET, at + SIZE, limit, stop
end

return { name = "vxlan", view = view.type("vxlan", SIZE, fields), decode = decode }
