--- EtherIP (RFC 3378): Ethernet in IP, after a version.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local SIZE = 2
local LINKTYPE_ETHERNET = 1

local fields = {
  version = function(h) return (bit.rshift(h.bytes[0], 4)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "etherip: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.etherip, layers.last = header, "etherip"
  return "inner_linktype", LINKTYPE_ETHERNET, at + SIZE, limit, stop
end

return { name = "etherip", view = view.type("etherip", SIZE, fields), decode = decode }
