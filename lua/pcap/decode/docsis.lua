--- DOCSIS: what a cable modem's MAC puts before a frame of Ethernet.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, flag, u16 = bit.band, view.flag, view.u16
local SIZE = 6
local FCS = 4
local LINKTYPE_ETHERNET = 1
local PACKET, ISOLATED = 0, 0x80 -- types of packets, by the first two bits

local fields = {
  type = function(h) return (bit.rshift(h.bytes[0], 6)) end,
  parameter = function(h) return (band(bit.rshift(h.bytes[0], 1), 31)) end,
  has_extension = function(h) return (flag(h.bytes[0], 1)) end,
  mac_parameter = function(h) return h.bytes[1] end,
  length = function(h) return (u16(h.bytes, 2)) end,
}

-- The length tells whether a check sequence ends the frame that follows: the length counts it.
local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "docsis: header cut short", at, limit, stop)
  end
  local size = SIZE + (flag(data[at], 1) and data[at + 1] or 0)
  if limit - at < size then
    return follow.fail(layers, "docsis: header cut short", at, limit, stop)
  end
  local kind = band(data[at], 0xc0)
  local is_packet = kind == PACKET or kind == ISOLATED
  local last = at + SIZE + u16(data, at + 2)
  if is_packet and last <= stop and last - at - size >= FCS then
    stop = last - FCS
    if limit > stop then limit = stop end
  end
  view.fill(header, data, at, SIZE, stop)
  header.content_length = stop - at - size
  layers.docsis, layers.last = header, "docsis"
  if not is_packet then
    return nil, nil, at + size, limit, stop
  end
  return "linktype", LINKTYPE_ETHERNET, at + size, limit, stop
end

return { name = "docsis", view = view.type("docsis", SIZE, fields), decode = decode }
