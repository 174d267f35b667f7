--- SLARP: with it, Cisco's HDLC asks for addresses and keeps a line alive.

local address = require "pcap.decode.address"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16, u32 = view.u16, view.u32
local SIZE = 14
local KEEPALIVE = 2

local function is_keepalive(h) return u32(h.bytes, 0) == KEEPALIVE end
local function has_address(h) return u32(h.bytes, 0) < KEEPALIVE end

local fields = {
  type = function(h) return (u32(h.bytes, 0)) end,
  address = function(h) return has_address(h) and address.ipv4(h.bytes, 4) or nil end,
  netmask = function(h) return has_address(h) and address.ipv4(h.bytes, 8) or nil end,
  seq_num = function(h) return is_keepalive(h) and u32(h.bytes, 4) or nil end,
  seen = function(h) return is_keepalive(h) and u32(h.bytes, 8) or nil end,
  reliability = function(h) return is_keepalive(h) and u16(h.bytes, 12) or nil end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "slarp: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.slarp, layers.last = header, "slarp"
  return nil, nil, at + SIZE, limit, stop
end

return { name = "slarp", view = view.type("slarp", SIZE, fields), decode = decode }
