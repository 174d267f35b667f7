--- The radio headers of Prism drivers and of AVS. Some captures have both under one link type.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u32, u32le = view.u32, view.u32le
local PRISM_SIZE, AVS_SIZE = 144, 64
local AVS_1, AVS_2 = 0x80211001, 0x80211002
local IEEE802_11, IEEE802_11_RADIO_AVS = 105, 163

local fields = {
  -- Prism's numbers are in the byte order of the machine that captured.
  code = function(h)
    return h.is_avs and u32(h.bytes, 0) or h.bytes[0] ~= 0 and u32le(h.bytes, 0) or u32(h.bytes, 0)
  end,
  length = function(h)
    return (h.is_avs or h.bytes[0] == 0) and u32(h.bytes, 4) or u32le(h.bytes, 4)
  end,
}

local function decode(layers, header, data, at, limit, stop, linktype)
  if limit - at < 8 then
    return follow.fail(layers, "prism: header cut short", at, limit, stop)
  end
  local code, size = u32(data, at), PRISM_SIZE
  header.is_avs = linktype == IEEE802_11_RADIO_AVS or code == AVS_1 or code == AVS_2
  if header.is_avs then
    size = u32(data, at + 4)
    if size < AVS_SIZE - 4 then
      return follow.fail(layers, "avs: length is less than the header's", at, limit, stop)
    end
  end
  if limit - at < size then
    return follow.fail(layers, "prism: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, 8, stop)
  header.content_length = stop - at - size
  layers.prism, layers.last = header, "prism"
  return "linktype", IEEE802_11, at + size, limit, stop
end

return {
  name = "prism",
  view = view.type("prism", 8, fields, { "bool is_avs" }),
  decode = decode,
}
