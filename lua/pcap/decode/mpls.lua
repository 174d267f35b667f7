--- MPLS label stacks (RFC 3032): one view has the labels, the outermost first. What follows them is
-- guessed.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, rshift = bit.band, bit.rshift
local append, fill, flag, u16, u24 = view.append, view.fill, view.flag, view.u16, view.u24
local is_ethernet = follow.is_ethernet
local SIZE = 4
local MOST = 64
local CHANNELS = { [0x21] = 0x0800, [0x57] = 0x86dd } -- of an associated channel (RFC 5586)
local CHANNEL_LABEL, OAM_LABEL = 13, 14 -- RFC 5586, RFC 3429
local LINKTYPE_ETHERNET = 1
local LONGEST_LENGTH, SMALLEST_FRAME = follow.LONGEST_LENGTH, 64

local function label(h, at) return (rshift(u24(h.bytes, at), 4)) end
local function traffic_class(h, at) return (band(rshift(h.bytes[at + 2], 1), 7)) end
local function bottom(h, at) return (flag(h.bytes[at + 2], 1)) end
local function ttl(h, at) return h.bytes[at + 3] end

local fields = {
  label = function(h) return (label(h, 0)) end,
  traffic_class = function(h) return (traffic_class(h, 0)) end,
  bottom = function(h) return (bottom(h, 0)) end,
  ttl = function(h) return (ttl(h, 0)) end,

  -- All of them: a list of tables with the fields above.
  labels = function(h)
    local labels = {}
    for i = 1, h.count do
      local at = (i - 1) * SIZE
      labels[i] = { label = label(h, at), traffic_class = traffic_class(h, at),
        bottom = bottom(h, at), ttl = ttl(h, at) }
    end
    return labels
  end,
}

-- Whether a frame of a type that is not decoded may begin here: it has the length of LLC, or a type
-- from the range where most are.
local function is_other_ethernet(data, at, limit, stop)
  if limit - at < 14 then
    return false
  end
  local number, last = u16(data, at + 12), at + 14
  if number > LONGEST_LENGTH then
    return number >= 0x8800 and number < 0x8a00
  end
  return last + number == stop or last + number < stop and stop - at <= SMALLEST_FRAME
end

-- Whether four bytes come before the frame. A known type tells it. With a tag, one stands at both
-- places: then the first is the frame's.
local function has_control_word(layers, data, at, limit, stop)
  if is_ethernet(layers, data, at, limit) then
    return false
  end
  return is_ethernet(layers, data, at + 4, limit) or is_other_ethernet(data, at + 4, limit, stop)
    or not is_other_ethernet(data, at, limit, stop)
end

-- The first four bits at the bottom say what is there. 4 and 6 are IP's version. 1 begins an
-- associated channel. 0 begins a control word before an Ethernet frame (RFC 4385), or a frame
-- without a control word whose address begins so.
local function content(layers, data, at, limit, stop)
  local first = limit > at and rshift(data[at], 4)
  local space = layers.ip and "inner_ethertype" or "ethertype" -- below an IP header it is a tunnel
  if first == 1 and limit - at >= 4 then
    return space, CHANNELS[u16(data, at + 2)] or 0, at + 4, limit, stop
  elseif first == 0 and limit - at >= 4 then
    if has_control_word(layers, data, at, limit, stop) then
      at = at + 4
    end
    return "inner_linktype", LINKTYPE_ETHERNET, at, limit, stop
  end
  return follow.ip_version(space, data, at, limit, stop)
end

-- Two labels say themselves what they carry.
local function special_content(layers, data, at, limit, stop, number)
  if number == OAM_LABEL then
    return nil, nil, at, limit, stop
  elseif number == CHANNEL_LABEL and limit - at >= 4 then
    local space = layers.ip and "inner_ethertype" or "ethertype"
    return space, CHANNELS[u16(data, at + 2)] or 0, at + 4, limit, stop
  end
  return content(layers, data, at, limit, stop)
end

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "mpls: label cut short", at, limit, stop)
  end
  if layers.mpls then
    if header.count == MOST then
      return follow.fail(layers, "mpls: more than 64 labels", at, limit, stop)
    end
    append(header, header.count * SIZE, data, at, SIZE)
    header.count = header.count + 1
  else
    fill(header, data, at, SIZE, stop)
    header.count = 1
    layers.mpls, layers.last = header, "mpls"
  end
  if not flag(data[at + 2], 1) then
    return "ethertype", 0x8847, at + SIZE, limit, stop
  end
  if data[at + 1] == 0 and data[at] == 0 then -- a label below 16
    return special_content(layers, data, at + SIZE, limit, stop, rshift(data[at + 2], 4))
  end
  return content(layers, data, at + SIZE, limit, stop)
end

return {
  name = "mpls",
  view = view.type("mpls", MOST * SIZE, fields, { "int32_t count" }),
  decode = decode,
}
