--- SLIP, as BSD captures it: a direction and how the header was compressed, then IP in full.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local SIZE, BSDOS_SIZE = 16, 24
local BSDOS = 15

local fields = {
  sent = function(h) return h.bytes[0] ~= 0 end,
  compression = function(h) return h.bytes[1] end,
}

local function decode(layers, header, data, at, limit, stop, linktype)
  local size = linktype == BSDOS and BSDOS_SIZE or SIZE
  if limit - at < size then
    return follow.fail(layers, "slip: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, size, stop)
  layers.slip, layers.last = header, "slip"
  return follow.ip_version("ethertype", data, at + size, limit, stop)
end

return { name = "slip", view = view.type("slip", BSDOS_SIZE, fields), decode = decode }
