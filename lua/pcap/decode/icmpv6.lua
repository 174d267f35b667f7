--- ICMPv6 (RFC 4443): four bytes, and four more whose meaning is the type's.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16 = view.u16
local SIZE = 8
local ECHO_REQUEST, ECHO_REPLY = 128, 129

local function is_echo(h)
  return h.bytes[0] == ECHO_REQUEST or h.bytes[0] == ECHO_REPLY
end

local fields = {
  type = function(h) return h.bytes[0] end,
  code = function(h) return h.bytes[1] end,
  checksum = function(h) return (u16(h.bytes, 2)) end,
  id = function(h) return is_echo(h) and u16(h.bytes, 4) or nil end,
  seq = function(h) return is_echo(h) and u16(h.bytes, 6) or nil end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "icmpv6: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.icmpv6, layers.last = header, "icmpv6"
  return nil, nil, at + SIZE, limit, stop
end

return { name = "icmpv6", view = view.type("icmpv6", SIZE, fields), decode = decode }
