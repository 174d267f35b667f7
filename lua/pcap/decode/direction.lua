--- A byte before PPP, Cisco's HDLC and Frame Relay, which says whether this machine sent the frame.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local PPP, C_HDLC, FRELAY = 9, 104, 107
local PPP_PPPD = 166

-- What follows, by the link type that has the direction.
local WITHOUT = { [PPP_PPPD] = PPP, [204] = PPP, [205] = C_HDLC, [206] = FRELAY }

local fields = {
  sent = function(h) return h.bytes[0] ~= 0 end,
}

local function decode(layers, header, data, at, limit, stop, linktype)
  local size = linktype == PPP_PPPD and 2 or 1 -- in PPP_PPPD it replaces the first of two bytes
  if limit - at < size then
    return follow.fail(layers, "direction: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, size, stop)
  layers.direction, layers.last = header, "direction"
  return "linktype", WITHOUT[linktype], at + size, limit, stop
end

return { name = "direction", view = view.type("direction", 2, fields), decode = decode }
