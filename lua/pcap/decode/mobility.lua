--- Mobility headers of IPv6 (RFC 6275).

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16 = view.u16
local SIZE = 8
local ROOM = 12
local BINDING_UPDATE, BINDING_ACKNOWLEDGEMENT = 5, 6

-- A field that is at one offset in binding updates, and at another in acknowledgements.
local function of_binding(update, acknowledgement)
  return function(h)
    local at = h.bytes[2] == BINDING_UPDATE and update
      or h.bytes[2] == BINDING_ACKNOWLEDGEMENT and acknowledgement
    return at and at + 2 <= h.kept and u16(h.bytes, at) or nil
  end
end

local fields = {
  next_header = function(h) return h.bytes[0] end,
  header_size = function(h) return h.bytes[1] * 8 + SIZE end,
  type = function(h) return h.bytes[2] end,
  checksum = function(h) return (u16(h.bytes, 4)) end,
  seq_num = of_binding(6, 8),
  lifetime = of_binding(10, 10), -- in units of four seconds
  status = function(h) return h.bytes[2] == BINDING_ACKNOWLEDGEMENT and h.bytes[6] or nil end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "mobility: header cut short", at, limit, stop)
  end
  local size = SIZE + data[at + 1] * 8
  local kept = size < ROOM and size or ROOM
  if kept > limit - at then kept = limit - at end
  view.fill(header, data, at, kept, stop)
  header.kept, header.content_length = kept, stop - at - size
  layers.mobility, layers.last = header, "mobility"
  if limit - at < size then
    return follow.cut(layers, header, "mobility: options cut short", at + size, limit, stop)
  end
  return nil, nil, at + size, limit, stop
end

return {
  name = "mobility",
  view = view.type("mobility", ROOM, fields, { "int32_t kept" }),
  decode = decode,
}
