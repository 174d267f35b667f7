--- ESP of IPsec (RFC 4303): what follows its two fields is encrypted.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local SIZE = 8

local fields = {
  spi = function(h) return (view.u32(h.bytes, 0)) end,
  seq_num = function(h) return (view.u32(h.bytes, 4)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "esp: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.esp, layers.last = header, "esp"
  return nil, nil, at + SIZE, limit, stop
end

return { name = "esp", view = view.type("esp", SIZE, fields), decode = decode }
