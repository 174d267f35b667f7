--- Geneve (RFC 8926): Ethernet, or any EtherType, in UDP.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local fill, u16 = view.fill, view.u16
local SIZE = 8
local BRIDGED = 0x6558
local LINKTYPE_ETHERNET = 1

local fields = {
  type = function(h) return (u16(h.bytes, 2)) end,
  vni = function(h) return (view.u24(h.bytes, 4)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "geneve: header cut short", at, limit, stop)
  end
  local size = SIZE + bit.band(data[at], 63) * 4
  fill(header, data, at, SIZE, stop)
  header.content_length = stop - at - size
  layers.geneve, layers.last = header, "geneve"
  if limit - at < size then
    return follow.cut(layers, header, "geneve: options cut short", at + size, limit, stop)
  end
  local ethertype = u16(data, at + 2)
  if ethertype == BRIDGED then
    return "inner_linktype", LINKTYPE_ETHERNET, at + size, limit, stop
  end
  return "inner_ethertype", ethertype, at + size, limit, stop
end

return { name = "geneve", view = view.type("geneve", SIZE, fields), decode = decode }
