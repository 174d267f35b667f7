--- Neighbor discovery (RFC 4861): what its five messages add to the view of ICMPv6.

local address = require "pcap.decode.address"
local ffi = require "ffi"
local view = require "pcap.decode.view"

local flag, u16, u32 = view.flag, view.u16, view.u32
local ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT = 133, 134
local SOLICITATION, ADVERTISEMENT, REDIRECT = 135, 136, 137
local SOURCE_LINK, TARGET_LINK, PREFIX, REDIRECTED, MTU = 1, 2, 3, 4, 5

-- Where each message's options begin.
local OPTIONS_AT = { [ROUTER_SOLICITATION] = 8, [ROUTER_ADVERTISEMENT] = 16, [SOLICITATION] = 24,
  [ADVERTISEMENT] = 24, [REDIRECT] = 40 }

local HAS_TARGET = { [SOLICITATION] = true, [ADVERTISEMENT] = true, [REDIRECT] = true }

local ndp = {}

--- The address at `at`, as text; nil if it was not captured.
function ndp.address(h, at)
  return at + 16 <= h.kept and address.ipv6(h.bytes, at) or nil
end

local function bytes(h, at)
  return at + 16 <= h.kept and ffi.string(h.bytes + at, 16) or nil
end

-- The next complete option from `at` on: where it begins, and how many bytes it has. An option of
-- length 0 ends the list.
local function option(h, at)
  local size = at + 2 <= h.kept and h.bytes[at + 1] * 8 or 0
  if size > 0 and at + size <= h.kept then
    return at, size
  end
end

-- The first option of a kind: where it begins, and how many bytes it has.
local function find(h, kind, least)
  local at, size = option(h, OPTIONS_AT[h.bytes[0]] or h.kept)
  while at do
    if h.bytes[at] == kind and size >= least then
      return at, size
    end
    at, size = option(h, at + size)
  end
end

-- A link-layer address. After the six bytes of an Ethernet address there is only room for the next
-- option.
local function link_address(kind)
  return function(h)
    local at, size = find(h, kind, 8)
    return at and address.hex(h.bytes, at + 2, size - 2) or nil
  end
end

local function prefix(h, at)
  return { prefix = address.ipv6(h.bytes, at + 16), length = h.bytes[at + 2],
    on_link = flag(h.bytes[at + 3], 0x80), autonomous = flag(h.bytes[at + 3], 0x40),
    valid_lifetime = u32(h.bytes, at + 4), preferred_lifetime = u32(h.bytes, at + 8) }
end

local function prefixes(h)
  local list = {}
  local at, size = option(h, OPTIONS_AT[h.bytes[0]])
  while at do
    if h.bytes[at] == PREFIX and size == 32 then
      list[#list + 1] = prefix(h, at)
    end
    at, size = option(h, at + size)
  end
  return list
end

-- All options: a list of tables with the type, and the bytes after type and length.
local function options(h)
  local list = {}
  local at, size = option(h, OPTIONS_AT[h.bytes[0]])
  while at do
    list[#list + 1] = { type = h.bytes[at], data = ffi.string(h.bytes + at + 2, size - 2) }
    at, size = option(h, at + size)
  end
  return list
end

-- A field of one type of message. It is nil unless the bytes up to `least` were captured.
local function of(kind, least, field)
  return function(h)
    if h.bytes[0] == kind and h.kept >= least then
      return (field(h))
    end
  end
end

ndp.fields = {
  target = function(h) return HAS_TARGET[h.bytes[0]] and ndp.address(h, 8) or nil end,
  target_bytes = function(h) return HAS_TARGET[h.bytes[0]] and bytes(h, 8) or nil end,
  destination = function(h) return h.bytes[0] == REDIRECT and ndp.address(h, 24) or nil end,
  destination_bytes = function(h) return h.bytes[0] == REDIRECT and bytes(h, 24) or nil end,
  source_link_address = link_address(SOURCE_LINK),
  target_link_address = link_address(TARGET_LINK),
  options = function(h) return OPTIONS_AT[h.bytes[0]] and options(h) or nil end,
  f_router = of(ADVERTISEMENT, 8, function(h) return flag(h.bytes[4], 0x80) end),
  f_solicited = of(ADVERTISEMENT, 8, function(h) return flag(h.bytes[4], 0x40) end),
  f_override = of(ADVERTISEMENT, 8, function(h) return flag(h.bytes[4], 0x20) end),
  hop_limit = of(ROUTER_ADVERTISEMENT, 8, function(h) return h.bytes[4] end),
  f_managed = of(ROUTER_ADVERTISEMENT, 8, function(h) return flag(h.bytes[5], 0x80) end),
  f_other = of(ROUTER_ADVERTISEMENT, 8, function(h) return flag(h.bytes[5], 0x40) end),
  router_lifetime = of(ROUTER_ADVERTISEMENT, 8, function(h) return u16(h.bytes, 6) end),
  reachable_time = of(ROUTER_ADVERTISEMENT, 12, function(h) return u32(h.bytes, 8) end),
  retrans_timer = of(ROUTER_ADVERTISEMENT, 16, function(h) return u32(h.bytes, 12) end),
  prefixes = of(ROUTER_ADVERTISEMENT, 16, prefixes),
}

--- The MTU that an option gives.
function ndp.mtu(h)
  local at = find(h, MTU, 8)
  return at and u32(h.bytes, at + 4) or nil
end

--- Where the packet that a redirect quotes begins and ends.
function ndp.redirected(h)
  if h.bytes[0] ~= REDIRECT then
    return nil
  end
  local at = OPTIONS_AT[REDIRECT]
  while at + 2 <= h.kept and h.bytes[at + 1] > 0 do
    local size = h.bytes[at + 1] * 8
    if h.bytes[at] == REDIRECTED then -- cut short or not
      return at + 8, math.min(at + size, h.kept)
    end
    at = at + size
  end
end

return ndp
