--- ARCNET: BSD's frames, and Linux's, which have two bytes more; types of RFC 1201 and RFC 1051.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16 = view.u16
local LINUX = 129
local EXCEPTION = 0xff

local ETHERTYPES = { [196] = 0x86dd, [212] = 0x0800, [213] = 0x0806, [214] = 0x8035,
  [240] = 0x0800, [241] = 0x0806 }

-- RFC 1051's two, BACnet and diagnoses. All others can be split into fragments, as RFC 1201 says.
local BACNET = 0xcd
local IS_WHOLE = { [0x80] = true, [BACNET] = true, [240] = true, [241] = true }

local fields = {
  src = function(h) return h.bytes[0] end,
  dst = function(h) return h.bytes[1] end,
  type = function(h) return h.bytes[2] end,
  split_flag = function(h) return not IS_WHOLE[h.bytes[2]] and h.bytes[3] or nil end,
  seq_num = function(h) return not IS_WHOLE[h.bytes[2]] and u16(h.bytes, 4) or nil end,
}

local function decode(layers, header, data, at, limit, stop, linktype)
  local start = at
  at = linktype == LINUX and at + 4 or at + 2
  if limit - at < 1 then
    return follow.fail(layers, "arcnet: header cut short", start, limit, stop)
  end
  local kind = data[at]
  local is_split = false
  if not IS_WHOLE[kind] then
    if linktype ~= LINUX and limit - at > 4 and data[at + 1] == EXCEPTION then
      at = at + 4 -- the real fields come after
    end
    if limit - at < 4 then
      return follow.fail(layers, "arcnet: header cut short", start, limit, stop)
    end
    view.fill(header, data, at - 2, 6, stop)
    -- If a packet is in several frames, the first frame has an odd flag.
    is_split = data[at + 1] ~= 0 and data[at + 1] % 2 == 0
    at = at + 4
  else
    at = at + 1
    view.fill(header, data, start, 2, stop)
  end
  header.begin, header.content_length = start + 1, stop - at
  header.bytes[0], header.bytes[1], header.bytes[2] = data[start], data[start + 1], kind
  layers.arcnet, layers.last = header, "arcnet"
  if kind == BACNET then
    return "llc", 0, at, limit, stop
  end
  return "ethertype", not is_split and ETHERTYPES[kind] or 0, at, limit, stop
end

return { name = "arcnet", view = view.type("arcnet", 8, fields), decode = decode }
