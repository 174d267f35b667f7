--- The packet that an ICMP error quotes. It is a layers object, made when somebody asks for it.

local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local packet = require "pcap.packet"
local view = require "pcap.decode.view"

local quoted = {
  --- Bytes that a view keeps for the quoted packet and for ICMP's eight bytes before it.
  ROOM = 1508,
}

-- By view: its object, and the packet with the bytes. A view goes with its layers object.
local objects, packets = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })

-- TCP's ports and sequence number. Many routers quote no more of TCP.
local function decode_tcp(layers, header, data, at, limit, stop)
  if limit - at >= 20 then
    return "segment", 6, at, limit, stop
  elseif limit - at < 8 then
    return follow.fail(layers, "tcp: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, 8, stop)
  layers.tcp, layers.last = header, "tcp"
  return nil, nil, at + 8, limit, stop
end

local SHORT_TCP = {
  name = "tcp",
  decode = decode_tcp,
  view = view.type("quoted_tcp", 8, {
    source_port = function(h) return (view.u16(h.bytes, 0)) end,
    dest_port = function(h) return (view.u16(h.bytes, 2)) end,
    seq_num = function(h) return (view.u32(h.bytes, 4)) end,
  }),
}
local INSTEAD = { ip = { [6] = SHORT_TCP } }

--- Decodes what a view has from its byte `first` up to `last`.
---@param h ffi.cdata*   the view
---@param ethertype integer
---@return table layers  stays as it is until this view's field is read for another packet
function quoted.layers(h, ethertype, first, last)
  local layers = require "pcap.decode.layers" -- not above: it needs the files that need this one
  local pkt = packets[h] or packet.new(quoted.ROOM)
  ffi.copy(pkt.own, h.bytes + first, last - first)
  pkt.data, pkt.caplen, pkt.wirelen = pkt.own, last - first, last - first
  objects[h] = layers.quoted(objects[h], INSTEAD, pkt, "ethertype", ethertype)
  packets[h] = pkt
  return objects[h]
end

--- Copies a message and what it quotes, as far as there is room.
function quoted.keep(header, data, at, limit, stop)
  local size = limit - at
  if size > quoted.ROOM then size = quoted.ROOM end
  view.fill(header, data, at, size, stop)
  header.kept, header.content_length = size, stop - at - 8
end

return quoted
