--- L2TP: version 2 (RFC 2661), PPP in UDP, and version 3 (RFC 3931), anything in UDP or IP.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band = bit.band
local flag, u16, u32 = view.flag, view.u16, view.u32
local CONTROL, LENGTH, SEQUENCE, OFFSET = 0x8000, 0x4000, 0x0800, 0x0200
local IP_PROTOCOL = 115
local LINKTYPE_ETHERNET, LINKTYPE_PPP = 1, 9

-- Where version 2 has the number of its tunnel, and its sequence numbers if it has any.
local function tunnel_at(flags)
  return flag(flags, LENGTH) and 4 or 2
end

local function sequence(h, more)
  if h.version == 3 then
    return flag(h.flags, CONTROL) and u16(h.bytes, 8 + more) or nil
  end
  return flag(h.flags, SEQUENCE) and u16(h.bytes, tunnel_at(h.flags) + 4 + more) or nil
end

local fields = {
  is_control = function(h) return (flag(h.flags, CONTROL)) end,
  length = function(h) return flag(h.flags, LENGTH) and u16(h.bytes, 2) or nil end,
  tunnel = function(h) return h.version == 2 and u16(h.bytes, tunnel_at(h.flags)) or nil end,
  session = function(h)
    if h.version == 2 then
      return (u16(h.bytes, tunnel_at(h.flags) + 2))
    end
    return not flag(h.flags, CONTROL) and u32(h.bytes, 4) or nil
  end,
  ccid = function(h)
    return h.version == 3 and flag(h.flags, CONTROL) and u32(h.bytes, 4) or nil
  end,
  ns = function(h) return (sequence(h, 0)) end,
  nr = function(h) return (sequence(h, 2)) end,
}

local function keep(layers, header, flags, version)
  header.flags, header.version = flags, version
  layers.l2tp, layers.last = header, "l2tp"
end

local function decode_v2(layers, header, data, at, limit, stop, flags)
  local size = tunnel_at(flags) + 4 + (flag(flags, SEQUENCE) and 4 or 0)
  local pad_at = size
  if flag(flags, OFFSET) then
    size = size + 2
  end
  if limit - at < size then
    return follow.fail(layers, "l2tp: header cut short", at, limit, stop)
  end
  if flag(flags, LENGTH) and at + u16(data, at + 2) < stop then
    stop = at + u16(data, at + 2)
    if limit > stop then limit = stop end
  end
  local start = at
  at = at + size + (flag(flags, OFFSET) and u16(data, at + pad_at) or 0)
  if at > limit then
    return follow.fail(layers, "l2tp: header cut short", start, limit, stop)
  end
  view.fill(header, data, start, size, stop)
  header.content_length = stop - at
  keep(layers, header, flags, 2)
  if flag(flags, CONTROL) then
    return nil, nil, at, limit, stop
  end
  return "inner_linktype", LINKTYPE_PPP, at, limit, stop
end

-- The link type of what may begin here: Ethernet with a type that is decoded, or PPP.
local function guess(layers, data, at, limit)
  if follow.is_ethernet(layers, data, at, limit) then
    return LINKTYPE_ETHERNET
  elseif limit - at >= 4 and u16(data, at) == 0xff03 and layers.spaces.ppp[u16(data, at + 2)] then
    return LINKTYPE_PPP
  end
end

-- Only control messages say what a session of version 3 carries. Only they say how long the cookie
-- and the sublayer are, which come first: 0 to 12 bytes together.
local function content_v3(layers, data, at, limit, stop)
  local linktype = guess(layers, data, at, limit)
  if not linktype then
    linktype = guess(layers, data, at + 4, limit)
    if linktype then
      at = at + 4
    else
      linktype = guess(layers, data, at + 8, limit)
      if linktype then
        at = at + 8
      else
        linktype = guess(layers, data, at + 12, limit)
        at = linktype and at + 12 or at
      end
    end
  end
  if not linktype then
    return nil, nil, at, limit, stop
  end
  return "inner_linktype", linktype, at, limit, stop
end

-- `flags` are as UDP has them. Over IP a session's number stands alone; if it is 0, a control
-- message follows.
local function decode_v3(layers, header, data, at, limit, stop, flags)
  local size = flag(flags, CONTROL) and 12 or 8
  if limit - at < size then
    return follow.fail(layers, "l2tp: header cut short", at, limit, stop)
  end
  if flag(flags, CONTROL) and at + u16(data, at + 2) < stop and u16(data, at + 2) >= size then
    stop = at + u16(data, at + 2)
    if limit > stop then limit = stop end
  end
  view.fill(header, data, at, size, stop)
  keep(layers, header, flags, 3)
  if flag(flags, CONTROL) then
    return nil, nil, at + size, limit, stop
  end
  return content_v3(layers, data, at + size, limit, stop)
end

local function decode_over_ip(layers, header, data, at, limit, stop)
  if limit - at < 4 then
    return follow.fail(layers, "l2tp: header cut short", at, limit, stop)
  elseif u32(data, at) == 0 and limit - at >= 6 then
    return decode_v3(layers, header, data, at + 4, limit, stop, u16(data, at + 4))
  end
  view.fill(header, data, at, 4, stop)
  header.bytes[4], header.bytes[5] = header.bytes[0], header.bytes[1]
  header.bytes[6], header.bytes[7] = header.bytes[2], header.bytes[3]
  keep(layers, header, 3, 3)
  return content_v3(layers, data, at + 4, limit, stop)
end

local function decode(layers, header, data, at, limit, stop, number)
  if number == IP_PROTOCOL then
    return decode_over_ip(layers, header, data, at, limit, stop)
  elseif limit - at < 2 then
    return follow.fail(layers, "l2tp: header cut short", at, limit, stop)
  end
  local flags = u16(data, at)
  local version = band(flags, 15)
  if version == 2 then
    return decode_v2(layers, header, data, at, limit, stop, flags)
  elseif version == 3 then
    return decode_v3(layers, header, data, at, limit, stop, flags)
  end
  return nil, nil, at, limit, stop -- L2F, or not L2TP
end

return {
  name = "l2tp",
  view = view.type("l2tp", 14, fields, { "int32_t flags", "int32_t version" }),
  decode = decode,
}
