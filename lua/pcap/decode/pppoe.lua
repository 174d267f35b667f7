--- PPPoE (RFC 2516): sessions, and of discovery only the header.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local fill, u16 = view.fill, view.u16
local SIZE = 6
local DISCOVERY = 0x8863

local fields = {
  code = function(h) return h.bytes[1] end,
  session = function(h) return (u16(h.bytes, 2)) end,
  length = function(h) return (u16(h.bytes, 4)) end,
}

local function decode(layers, header, data, at, limit, stop, number)
  if limit - at < SIZE then
    return follow.fail(layers, "pppoe: header cut short", at, limit, stop)
  end
  local last = at + SIZE + u16(data, at + 4)
  if last <= stop then
    stop = last
    if limit > stop then limit = stop end
  else
    layers.error = layers.error or "pppoe: length is more than there was"
  end
  fill(header, data, at, SIZE, stop)
  layers.pppoe, layers.last = header, "pppoe"
  if number == DISCOVERY then
    return nil, nil, at + SIZE, limit, stop
  end
  return "linktype", 9, at + SIZE, limit, stop
end

return { name = "pppoe", view = view.type("pppoe", SIZE, fields), decode = decode }
