--- The authentication header of IPsec (RFC 4302). What follows it stays readable.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local SIZE = 12

-- The protocol after the header. If IPv6's extension headers follow, it is the one after those.
local MEMBERS = { "int32_t proto" }

local fields = {
  spi = function(h) return (view.u32(h.bytes, 4)) end,
  seq_num = function(h) return (view.u32(h.bytes, 8)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "ah: header cut short", at, limit, stop)
  end
  local size = (data[at + 1] + 2) * 4 -- at least 8: then the sequence belongs to what follows
  view.fill(header, data, at, SIZE, stop)
  header.content_length = stop - at - size
  header.proto = data[at]
  layers.ah, layers.last = header, "ah"
  if limit - at < size then
    return follow.cut(layers, header, "ah: check value cut short", at + size, limit, stop)
  end
  return "ip", data[at], at + size, limit, stop
end

return { name = "ah", view = view.type("ah", SIZE, fields, MEMBERS), decode = decode }
