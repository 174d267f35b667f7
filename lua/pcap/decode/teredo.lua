--- Teredo (RFC 4380): IPv6 in UDP, after indicators of authentication and of origin.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16 = view.u16
local ORIGIN, AUTHENTICATION = 0, 1
local ORIGIN_SIZE, AUTHENTICATION_SIZE = 8, 13
local IPV6 = 0x86dd

-- The origin's port and address have all their bits inverted.
local fields = {
  origin_port = function(h)
    return h.has_origin and 0xffff - u16(h.bytes, 2) or nil
  end,
  origin_address = function(h)
    if not h.has_origin then
      return nil
    end
    local text = {}
    for i = 1, 4 do
      text[i] = 255 - h.bytes[3 + i]
    end
    return table.concat(text, ".")
  end,
}

-- Where the authentication ends; nil if it is not all there.
local function past_authentication(data, at, limit)
  if limit - at < AUTHENTICATION_SIZE then
    return nil
  end
  local size = AUTHENTICATION_SIZE + data[at + 2] + data[at + 3]
  return limit - at >= size and at + size or nil
end

local function decode(layers, header, data, at, limit, stop)
  local start = at
  local kind = limit - at >= 4 and u16(data, at)
  if not (kind == ORIGIN or kind == AUTHENTICATION
      or limit > at and bit.rshift(data[at], 4) == 6) then
    return nil, nil, at, limit, stop -- not Teredo
  end
  header.has_authentication, header.has_origin = kind == AUTHENTICATION, false
  if kind == AUTHENTICATION then
    at = past_authentication(data, at, limit)
    if not at then
      return follow.fail(layers, "teredo: authentication cut short", start, limit, stop)
    end
    kind = limit - at >= 4 and u16(data, at)
  end
  header.begin = start + 1
  if kind == ORIGIN then
    if limit - at < ORIGIN_SIZE then
      return follow.fail(layers, "teredo: origin cut short", at, limit, stop)
    end
    view.fill(header, data, at, ORIGIN_SIZE, stop)
    header.begin, header.has_origin = start + 1, true
    at = at + ORIGIN_SIZE
  end
  header.content_length = stop - at
  layers.teredo, layers.last = header, "teredo"
  return "inner_ethertype", IPV6, at, limit, stop
end

return {
  name = "teredo",
  view = view.type("teredo", ORIGIN_SIZE, fields,
    { "bool has_origin", "bool has_authentication" }),
  decode = decode,
}
