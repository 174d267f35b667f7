--- USB. Only its name is given.

local view = require "pcap.decode.view"

local function decode(layers, header, data, at, limit, stop)
  view.fill(header, data, at, 0, stop)
  layers.usb, layers.last = header, "usb"
  return nil, nil, at, limit, stop
end

return { name = "usb", view = view.type("usb", 1, {}), decode = decode }
