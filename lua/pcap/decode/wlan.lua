--- IEEE 802.11: the frame's addresses and flags, and LLC in data frames that are not encrypted.

local bit = require "bit"
local address = require "pcap.decode.address"
local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, rshift = bit.band, bit.rshift
local copy = ffi.copy
local flag, u16le = view.flag, view.u16le
local MANAGEMENT, CONTROL, DATA = 0, 1, 2
local TO_DS, FROM_DS, MORE_FRAGMENTS, PROTECTED, ORDER = 0x01, 0x02, 0x04, 0x40, 0x80
local NO_DATA, QOS = 4, 8 -- bits of a data frame's subtype
local ADDRESS = { 4, 10, 16, 24 }
local RTS_SIZE, ACK_SIZE, SIZE, WDS_SIZE = 16, 10, 24, 30

-- Control frames with two addresses: triggers, beamforming, block acknowledgements, PS-Poll, RTS,
-- CF-End.
local HAS_TRANSMITTER = { [2] = true, [3] = true, [4] = true, [5] = true, [6] = true, [8] = true,
  [9] = true, [10] = true, [11] = true, [14] = true, [15] = true }
local PS_POLL, CF_END = 10, 14
local STATION = 0xc000 -- the two bits that mark a station's number
local EXTENSION, DMG_BEACON = 3, 0
local MESH_CONTROL, MESH_SIZE = 0x01, 6
local AGGREGATE = 0x80 -- a bit of the QoS field
local FRAME_SIZE = 14 -- of the header of a frame in an aggregate

local function kind(h) return (band(rshift(h.bytes[0], 2), 3)) end
local function subtype(h) return (rshift(h.bytes[0], 4)) end
local function is_addressed(h) return kind(h) == DATA or kind(h) == MANAGEMENT end
local function is_qos(h) return kind(h) == DATA and flag(subtype(h), QOS) end

-- By a data frame's two DS bits: which of the addresses is the destination's, the source's and the
-- BSS's. Management frames have the same order as frames within a BSS.
local DST, SRC, BSSID = { [0] = 1, 3, 1, 3 }, { [0] = 2, 2, 3, 4 }, { [0] = 3, 1, 2 }

local function place(which)
  return function(h)
    local bits = kind(h) == DATA and band(h.bytes[1], TO_DS + FROM_DS) or 0
    local number = is_addressed(h) and which[bits]
    return number and ADDRESS[number] or nil
  end
end

-- In an aggregate each frame has these two of its own. They are the first frame's.
local function of_frame(at_of, offset)
  return function(h)
    return h.frame_at > 0 and h.frame_at + offset or at_of(h)
  end
end

local dst_at, src_at = of_frame(place(DST), 0), of_frame(place(SRC), 6)

local function bssid_at(h)
  if kind(h) == CONTROL then
    local which = subtype(h)
    return which == PS_POLL and ADDRESS[1] or which == CF_END and ADDRESS[2] or nil
  elseif kind(h) == EXTENSION then
    return subtype(h) == DMG_BEACON and ADDRESS[1] or nil
  end
  return (place(BSSID)(h))
end

local function transmitter_at(h)
  local is_end = kind(h) == CONTROL and subtype(h) == CF_END -- its second address is the BSS's
  return h.size >= RTS_SIZE and not is_end and ADDRESS[2] or nil
end

local function text(at_of)
  return function(h)
    local at = at_of(h)
    return at and address.mac(h.bytes, at) or nil
  end
end

local function bytes(at_of)
  return function(h)
    local at = at_of(h)
    return at and ffi.string(h.bytes + at, 6) or nil
  end
end

local fields = {
  type = kind,
  subtype = subtype,
  flags = function(h) return h.bytes[1] end,
  to_ds = function(h) return (flag(h.bytes[1], TO_DS)) end,
  from_ds = function(h) return (flag(h.bytes[1], FROM_DS)) end,
  more_fragments = function(h) return (flag(h.bytes[1], MORE_FRAGMENTS)) end,
  retry = function(h) return (flag(h.bytes[1], 0x08)) end,
  power_management = function(h) return (flag(h.bytes[1], 0x10)) end,
  more_data = function(h) return (flag(h.bytes[1], 0x20)) end,
  protected = function(h) return (flag(h.bytes[1], PROTECTED)) end,
  duration = function(h) -- PS-Poll has a station's number there
    local number = u16le(h.bytes, 2)
    local is_poll = kind(h) == CONTROL and subtype(h) == PS_POLL
    return not (is_poll and number >= STATION) and band(number, 0x7fff) or nil
  end,
  receiver = text(function() return ADDRESS[1] end),
  transmitter = text(transmitter_at),
  dst = text(dst_at),
  src = text(src_at),
  bssid = text(bssid_at),
  receiver_bytes = bytes(function() return ADDRESS[1] end),
  transmitter_bytes = bytes(transmitter_at),
  dst_bytes = bytes(dst_at),
  src_bytes = bytes(src_at),
  bssid_bytes = bytes(bssid_at),
  seq_num = function(h) return is_addressed(h) and rshift(u16le(h.bytes, 22), 4) or nil end,
  fragment_number = function(h) return is_addressed(h) and band(h.bytes[22], 15) or nil end,
  is_aggregate = function(h) return is_qos(h) and flag(h.bytes[h.qos_at], AGGREGATE) end,
  tid = function(h) return is_qos(h) and band(h.bytes[h.qos_at], 15) or nil end,
}

-- How many bytes the header has, and where its QoS field is.
local function measure(type_of, which, flags)
  if type_of == CONTROL then
    return HAS_TRANSMITTER[which] and RTS_SIZE or ACK_SIZE, 0
  elseif type_of > DATA then
    return ACK_SIZE, 0
  elseif type_of == MANAGEMENT then
    return flag(flags, ORDER) and SIZE + 4 or SIZE, 0
  end
  local size = band(flags, TO_DS + FROM_DS) == TO_DS + FROM_DS and WDS_SIZE or SIZE
  if not flag(which, QOS) then
    return size, 0
  end
  return flag(flags, ORDER) and size + 6 or size + 2, size
end

-- Bytes of the mesh control that a QoS field announces, with up to two addresses.
local function mesh_size(h, data, at, limit)
  local is_announced = h.qos_at > 0 and flag(h.bytes[1], FROM_DS)
    and flag(h.bytes[h.qos_at + 1], MESH_CONTROL)
  if not is_announced or at >= limit or data[at] >= 3 then
    return 0
  end
  local size = MESH_SIZE + data[at] * 6
  return limit - at >= size and size or 0
end

-- An aggregate's first frame: two addresses and a length come before its LLC. The others are left.
local function decode_aggregate(header, data, at, limit, stop)
  if limit - at < FRAME_SIZE then
    return nil, nil, at, limit, stop
  end
  local last = at + FRAME_SIZE + view.u16(data, at + 12)
  copy(header.bytes + header.size, data + at, 12)
  header.frame_at = header.size
  if last < stop then stop = last end
  return "llc", 0, at + FRAME_SIZE, limit < stop and limit or stop, stop
end

local function decode(layers, header, data, at, limit, stop)
  if limit - at < ACK_SIZE then
    return follow.fail(layers, "wlan: header cut short", at, limit, stop)
  elseif band(data[at], 3) ~= 0 then
    return follow.fail(layers, "wlan: version is not 0", at, limit, stop)
  end
  local type_of, which, flags = band(rshift(data[at], 2), 3), rshift(data[at], 4), data[at + 1]
  local size, qos_at = measure(type_of, which, flags)
  if limit - at < size then
    return follow.fail(layers, "wlan: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, size, stop)
  header.size, header.qos_at, header.frame_at = size, qos_at, 0
  layers.wlan, layers.last = header, "wlan"
  local radiotap = layers.radiotap
  if radiotap and radiotap.is_padded and size % 4 ~= 0 and limit - at >= size + 2 then
    size = size + 2
    header.content_length = header.content_length - 2
  end
  if type_of ~= DATA or flag(which, NO_DATA) or flag(flags, PROTECTED)
      or flag(flags, MORE_FRAGMENTS) or band(data[at + 22], 15) > 0 or at + size == limit then
    return nil, nil, at + size, limit, stop
  end
  local mesh = mesh_size(header, data, at + size, limit)
  header.content_length = header.content_length - mesh
  at = at + size + mesh
  if qos_at > 0 and flag(header.bytes[qos_at], AGGREGATE) then
    return decode_aggregate(header, data, at, limit, stop)
  end
  return "llc", 0, at, limit, stop
end

return {
  name = "wlan",
  view = view.type("wlan", 48, fields, { "int32_t size", "int32_t qos_at", "int32_t frame_at" }),
  decode = decode,
}
