--- Cisco's HDLC: address, control, and an EtherType.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local SIZE = 4

local fields = {
  address = function(h) return h.bytes[0] end,
  control = function(h) return h.bytes[1] end,
  type = function(h) return (view.u16(h.bytes, 2)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "chdlc: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.chdlc, layers.last = header, "chdlc"
  local number = view.u16(data, at + 2)
  return layers.spaces.chdlc[number] and "chdlc" or "ethertype", number, at + SIZE, limit, stop
end

return { name = "chdlc", view = view.type("chdlc", SIZE, fields), decode = decode }
