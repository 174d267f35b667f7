--- IGMP, versions 1 to 3 (RFC 1112, 2236, 3376).

local bit = require "bit"
local address = require "pcap.decode.address"
local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band, u16 = bit.band, view.u16
local SIZE = 8
local ROOM = 1500 -- for sources and records
local QUERY, REPORT_3 = 0x11, 0x22
local TRACE, TRACE_REPLY = 0x1f, 0x1e

-- By type: reports and leaving. Other protocols have types too (DVMRP, PIM version 1).
local VERSIONS = { [0x12] = 1, [0x16] = 2, [0x17] = 2, [REPORT_3] = 3 }
local QUERY_3_SIZE = 12

-- The addresses from `at` on: as many as the message announces, as far as they are there.
local function addresses(h, at, count)
  local list = {}
  while #list < count and at + 4 <= h.kept do
    list[#list + 1] = address.ipv4(h.bytes, at)
    at = at + 4
  end
  return list
end

local function version(h)
  local kind = h.bytes[0]
  if kind == QUERY then
    return h.content_length + SIZE >= QUERY_3_SIZE and 3 or h.bytes[1] == 0 and 1 or 2
  end
  return VERSIONS[kind]
end

local function has_group(h)
  local kind = h.bytes[0]
  return kind == QUERY or kind == TRACE or kind == TRACE_REPLY
    or VERSIONS[kind] ~= nil and kind ~= REPORT_3
end

local function is_query_3(h)
  return h.bytes[0] == QUERY and h.kept >= QUERY_3_SIZE
end

-- The groups of a report of version 3, each with the sources that it includes or excludes.
local function records(h)
  local list, at = {}, SIZE
  while #list < u16(h.bytes, 6) and at + 8 <= h.kept do
    local count = u16(h.bytes, at + 2)
    list[#list + 1] = { type = h.bytes[at], group = address.ipv4(h.bytes, at + 4),
      sources = addresses(h, at + 8, count) }
    at = at + 8 + count * 4 + h.bytes[at + 1] * 4
  end
  return list
end

local fields = {
  type = function(h) return h.bytes[0] end,
  version = version,
  max_resp = function(h) return h.bytes[0] ~= REPORT_3 and h.bytes[1] or nil end,
  checksum = function(h) return (u16(h.bytes, 2)) end,
  group = function(h) return has_group(h) and address.ipv4(h.bytes, 4) or nil end,
  group_bytes = function(h) return has_group(h) and ffi.string(h.bytes + 4, 4) or nil end,
  suppress = function(h) if is_query_3(h) then return (view.flag(h.bytes[8], 8)) end end,
  qrv = function(h) return is_query_3(h) and band(h.bytes[8], 7) or nil end,
  qqic = function(h) return is_query_3(h) and h.bytes[9] or nil end,
  sources = function(h) return is_query_3(h) and addresses(h, 12, u16(h.bytes, 10)) or nil end,
  records = function(h) return h.bytes[0] == REPORT_3 and records(h) or nil end,
}

local function decode(layers, header, data, at, limit, stop)
  local size = limit - at
  if size < SIZE then
    return follow.fail(layers, "igmp: header cut short", at, limit, stop)
  end
  if size > ROOM then size = ROOM end
  view.fill(header, data, at, size, stop)
  header.kept, header.content_length = size, stop - at - SIZE
  layers.igmp, layers.last = header, "igmp"
  return nil, nil, at + SIZE, limit, stop
end

return {
  name = "igmp",
  view = view.type("igmp", ROOM, fields, { "int32_t kept" }),
  decode = decode,
}
