--- PPP (RFC 1661), with or without HDLC's address and control bytes (RFC 1662).

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, fill, u16 = bit.band, view.fill, view.u16

-- Under PPP's link types there are also frames of Cisco's HDLC. They begin with UNICAST or
-- BROADCAST, which no protocol of PPP does.
local C_HDLC = 104
local UNICAST, BROADCAST = 0x0f, 0x8f

local fields = {
  proto = function(h) return h.number end,
}

local function decode(layers, header, data, at, limit, stop)
  local size = 0
  local first = limit > at and data[at]
  if first == UNICAST or first == BROADCAST then
    return "linktype", C_HDLC, at, limit, stop
  elseif first == 0xff and limit - at >= 2 then -- an address; a control field follows
    size = 2
  end
  -- A protocol's low byte is odd, and its high byte even. So if the first byte is odd, it is alone:
  -- a compressed protocol.
  local short = limit - at > size and band(data[at + size], 1) == 1
  size = size + (short and 1 or 2)
  if limit - at < size then
    return follow.fail(layers, "ppp: header cut short", at, limit, stop)
  end
  fill(header, data, at, size, stop)
  header.number = short and data[at + size - 1] or u16(data, at + size - 2)
  layers.ppp, layers.last = header, "ppp"
  return "ppp", header.number, at + size, limit, stop
end

return {
  name = "ppp",
  view = view.type("ppp", 4, fields, { "int32_t number" }),
  decode = decode,
}
