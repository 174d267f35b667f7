--- SCTP (RFC 9260): the common header; its chunks are payload.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local SIZE = 12

local fields = {
  source_port = function(h) return (view.u16(h.bytes, 0)) end,
  dest_port = function(h) return (view.u16(h.bytes, 2)) end,
  tag = function(h) return (view.u32(h.bytes, 4)) end,
  checksum = function(h) return (view.u32(h.bytes, 8)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "sctp: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.sctp, layers.last = header, "sctp"
  return "sctp", follow.port(layers, "sctp", data, at), at + SIZE, limit, stop
end

return { name = "sctp", view = view.type("sctp", SIZE, fields), decode = decode }
