--- UDP (RFC 768).

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local fill, port, u16 = view.fill, follow.port, view.u16
local SIZE = 8

local fields = {
  source_port = function(h) return (u16(h.bytes, 0)) end,
  dest_port = function(h) return (u16(h.bytes, 2)) end,
  length = function(h) return (u16(h.bytes, 4)) end,
  checksum = function(h) return (u16(h.bytes, 6)) end,
}

-- Zero means that the datagram is too long for the field. Only IPv6 has such datagrams (RFC 2675).
local function is_jumbo(ip)
  return ip ~= nil and ip.version == 6
end

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "udp: header cut short", at, limit, stop)
  end
  local length = u16(data, at + 4)
  if at + length > stop then
    local ip = layers.ip -- the first fragment holds only the beginning of what length counts
    if not (ip and ip.more_fragments) then
      layers.error = layers.error or "udp: length is more than there was"
    end
  elseif length >= SIZE then
    stop = at + length
    if limit > stop then limit = stop end
  elseif length > 0 or not is_jumbo(layers.ip) then
    layers.error = layers.error or "udp: length is less than the header's"
  end
  fill(header, data, at, SIZE, stop)
  layers.udp, layers.last = header, "udp"
  return "udp", port(layers, "udp", data, at), at + SIZE, limit, stop
end

return { name = "udp", view = view.type("udp", SIZE, fields), decode = decode }
