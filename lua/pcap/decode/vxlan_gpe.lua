--- VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe): VXLAN that says what it carries.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local SIZE = 8

local fields = {
  flags = function(h) return h.bytes[0] end,
  next_protocol = function(h) return h.bytes[3] end,
  vni = function(h) return (view.u24(h.bytes, 4)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "vxlan: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.vxlan, layers.last = header, "vxlan"
  return "inner_nsh", data[at + 3], at + SIZE, limit, stop
end

return { name = "vxlan", view = view.type("vxlan_gpe", SIZE, fields), decode = decode }
