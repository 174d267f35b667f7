--- GTP version 1 (3GPP TS 29.281 and 29.060). Its T-PDUs carry the packets of mobile phones.

local bit = require "bit"
local apart = require "pcap.decode.apart"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, rshift = bit.band, bit.rshift
local fill, flag, u16, u32 = view.fill, view.flag, view.u16, view.u32
local SIZE, LONGER = 8, 12
local ROOM = 140 -- for the extension headers that the view keeps
local EXTENSION, SEQUENCE, NPDU = 4, 2, 1
local T_PDU = 255
local LINKTYPE_ETHERNET = 1

-- The extension headers that the view has: a list of tables.
local function extensions(h)
  local list, at = {}, LONGER
  local kind = flag(h.bytes[0], EXTENSION) and h.bytes[LONGER - 1] or 0
  while kind ~= 0 and at < h.kept do
    local size = h.bytes[at] * 4
    list[#list + 1] = { type = kind, length = size, first = at }
    at = at + size
    kind = h.bytes[at - 1]
  end
  return list
end

-- What a PDU session container says (3GPP TS 38.415): the type, and the number of the QoS flow.
local function session(h)
  for _, extension in ipairs(extensions(h)) do
    if extension.type == 0x85 then
      return rshift(h.bytes[extension.first + 1], 4), band(h.bytes[extension.first + 2], 63)
    end
  end
end

local fields = {
  flags = function(h) return h.bytes[0] end,
  version = function(h) return (rshift(h.bytes[0], 5)) end,
  message_type = function(h) return h.bytes[1] end,
  length = function(h) return (u16(h.bytes, 2)) end,
  teid = function(h) return (u32(h.bytes, 4)) end,
  seq_num = function(h) return flag(h.bytes[0], SEQUENCE) and u16(h.bytes, 8) or nil end,
  npdu = function(h) return flag(h.bytes[0], NPDU) and h.bytes[10] or nil end,
  next_extension = function(h) return flag(h.bytes[0], EXTENSION) and h.bytes[11] or nil end,
  extensions = function(h)
    local list = {}
    for i, extension in ipairs(extensions(h)) do
      list[i] = { type = extension.type, length = extension.length }
    end
    return list
  end,
  pdu_type = function(h) return (session(h)) end,
  qfi = function(h) return (select(2, session(h))) end,
}

-- Where the extension header at `at` ends; nil if it is not all there.
local function past(data, at, limit)
  local size = limit > at and data[at] * 4 or 0
  return size > 0 and limit - at >= size and at + size or nil
end

local past_all = apart(function(data, at, limit)
  repeat
    at = past(data, at, limit)
  until not at or data[at - 1] == 0
  return at
end)

local function past_extensions(data, at, limit)
  at = past(data, at, limit)
  if at and data[at - 1] ~= 0 then
    at = past_all(data, at, limit)
  end
  return at
end

-- What a T-PDU carries: IP, or Ethernet of a type that is decoded.
local function content(layers, data, at, limit, stop)
  local first = limit > at and rshift(data[at], 4)
  if first ~= 4 and first ~= 6 and follow.is_ethernet(layers, data, at, limit) then
    return "inner_linktype", LINKTYPE_ETHERNET, at, limit, stop
  end
  return follow.ip_version("inner_ethertype", data, at, limit, stop)
end

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "gtp: header cut short", at, limit, stop)
  end
  local flags = data[at]
  if band(flags, 0xf0) ~= 0x30 then
    return nil, nil, at, limit, stop -- another version, or GTP'
  end
  local last = at + SIZE + u16(data, at + 2)
  if last > stop then
    layers.error = layers.error or "gtp: length is more than there was"
  else
    stop = last
    if limit > stop then limit = stop end
  end
  local size = band(flags, 7) ~= 0 and LONGER or SIZE
  if limit - at < size then
    return follow.fail(layers, "gtp: header cut short", at, limit, stop)
  end
  local kept = size
  if flag(flags, EXTENSION) and data[at + LONGER - 1] ~= 0 then
    local behind = past_extensions(data, at + LONGER, limit)
    if not behind then
      fill(header, data, at, LONGER, stop)
      header.kept = LONGER
      layers.gtp, layers.last = header, "gtp"
      return follow.cut(layers, header, "gtp: extension header cut short", limit, limit, stop)
    end
    size = behind - at
    kept = size <= ROOM and size or LONGER
  end
  if kept == SIZE then
    fill(header, data, at, SIZE, stop) -- a constant size compiles to a move
  else
    fill(header, data, at, kept, stop)
  end
  header.kept, header.content_length = kept, stop - at - size
  layers.gtp, layers.last = header, "gtp"
  if data[at + 1] ~= T_PDU then
    return nil, nil, at + size, limit, stop
  end
  return content(layers, data, at + size, limit, stop)
end

return {
  name = "gtp",
  view = view.type("gtp", ROOM, fields, { "int32_t kept" }),
  decode = decode,
}
