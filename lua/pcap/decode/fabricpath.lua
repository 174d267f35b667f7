--- Cisco's FabricPath: a frame of Ethernet behind the addresses of two switches.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local SIZE = 2
local LINKTYPE_ETHERNET = 1

local fields = {
  ftag = function(h) return (bit.rshift(view.u16(h.bytes, 0), 6)) end,
  ttl = function(h) return (bit.band(h.bytes[1], 63)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "fabricpath: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.fabricpath, layers.last = header, "fabricpath"
  return "inner_linktype", LINKTYPE_ETHERNET, at + SIZE, limit, stop
end

return { name = "fabricpath", view = view.type("fabricpath", SIZE, fields), decode = decode }
