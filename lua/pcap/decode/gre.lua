--- GRE (RFC 2784, keys and sequence numbers of RFC 2890) and its version 1, PPTP's (RFC 2637).

local bit = require "bit"
local apart = require "pcap.decode.apart"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local band = bit.band
local fill, flag, u16, u24, u32 = view.fill, view.flag, view.u16, view.u24, view.u32
local CHECKSUM, ROUTING, KEY, SEQUENCE, ACK = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
local BRIDGED, PPP = 0x6558, 0x880b
local LINKTYPE_ETHERNET, LINKTYPE_PPP = 1, 9

-- Where the key is or would be. The sequence number comes after it.
local function key_at(flags)
  return band(flags, CHECKSUM + ROUTING) ~= 0 and 8 or 4
end

local function sequence_at(flags)
  return key_at(flags) + (flag(flags, KEY) and 4 or 0)
end

local function size_of(flags)
  local size = sequence_at(flags) + (flag(flags, SEQUENCE) and 4 or 0)
  return size + (band(flags, 7) == 1 and flag(flags, ACK) and 4 or 0)
end

-- NVGRE (RFC 7637): Ethernet after a key. The key is the number of a virtual subnet and of a flow.
local function is_nvgre(h)
  return u16(h.bytes, 2) == BRIDGED and band(u16(h.bytes, 0), 0xf007) == KEY
end

local function has_call_id(h)
  return band(h.bytes[1], 7) == 1 and u16(h.bytes, 2) == PPP
end

-- Where source routes (RFC 1701) end, each of which tells its length; nil if they are not all
-- there.
local past_routes = apart(function(data, at, limit)
  while limit - at >= 4 do
    local family, length = u16(data, at), data[at + 3]
    at = at + 4 + length
    if family == 0 and length == 0 then
      return at
    end
  end
end)

local fields = {
  flags = function(h) return (u16(h.bytes, 0)) end,
  version = function(h) return (band(h.bytes[1], 7)) end,
  type = function(h) return (u16(h.bytes, 2)) end,
  key = function(h)
    local flags = u16(h.bytes, 0)
    return not has_call_id(h) and flag(flags, KEY) and u32(h.bytes, key_at(flags)) or nil
  end,
  call_id = function(h) -- what PPTP has in place of the key, after a length
    local flags = u16(h.bytes, 0)
    return has_call_id(h) and flag(flags, KEY) and u16(h.bytes, key_at(flags) + 2) or nil
  end,
  checksum = function(h) return flag(h.bytes[0], 0x80) and u16(h.bytes, 4) or nil end,
  vsid = function(h) return is_nvgre(h) and u24(h.bytes, 4) or nil end,
  flow_id = function(h) return is_nvgre(h) and h.bytes[7] or nil end,
  ack_num = function(h)
    local flags = u16(h.bytes, 0)
    return band(flags, 7) == 1 and flag(flags, ACK) and u32(h.bytes, size_of(flags) - 4) or nil
  end,
  seq_num = function(h)
    local flags = u16(h.bytes, 0)
    return flag(flags, SEQUENCE) and u32(h.bytes, sequence_at(flags)) or nil
  end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < 4 then
    return follow.fail(layers, "gre: header cut short", at, limit, stop)
  end
  local flags, ethertype = u16(data, at), u16(data, at + 2)
  local size = size_of(flags)
  if band(flags, 7) > 1 then
    return follow.fail(layers, "gre: version is neither 0 nor 1", at, limit, stop)
  elseif limit - at < size then
    return follow.fail(layers, "gre: header cut short", at, limit, stop)
  end
  fill(header, data, at, size, stop)
  layers.gre, layers.last = header, "gre"
  if flag(flags, ROUTING) then
    local behind = past_routes(data, at + size, limit)
    if not behind then
      return follow.cut(layers, header, "gre: source routes cut short", limit, limit, stop)
    end
    size = behind - at
    header.content_length = stop - behind
  end
  if ethertype == BRIDGED then
    return "inner_linktype", LINKTYPE_ETHERNET, at + size, limit, stop
  elseif ethertype == PPP then
    return "inner_linktype", LINKTYPE_PPP, at + size, limit, stop
  elseif layers.spaces.gre[ethertype] then
    return "gre", ethertype, at + size, limit, stop
  end
  return "inner_ethertype", ethertype, at + size, limit, stop
end

return { name = "gre", view = view.type("gre", 20, fields), decode = decode }
