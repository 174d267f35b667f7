--- WireGuard: the fields of its four messages that are not encrypted.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u32le = view.u32le
local SIZE = 16
local INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4
local SIZES = { [INITIATION] = 148, [RESPONSE] = 92, [COOKIE] = 64 }
local LEAST_DATA = 32

local fields = {
  type = function(h) return h.bytes[0] end,
  sender = function(h)
    local kind = h.bytes[0]
    return (kind == INITIATION or kind == RESPONSE) and u32le(h.bytes, 4) or nil
  end,
  receiver = function(h)
    local kind = h.bytes[0]
    return kind == RESPONSE and u32le(h.bytes, 8) or kind ~= INITIATION and u32le(h.bytes, 4) or nil
  end,
  counter = function(h)
    return h.bytes[0] == DATA and u32le(h.bytes, 8) + u32le(h.bytes, 12) * 4294967296 or nil
  end,
}

-- Three zero bytes follow the type. In handshake messages, some senders have other values there.
local function is_message(data, at, limit, size)
  if size < LEAST_DATA or limit - at < 4 then
    return false
  end
  local kind = data[at]
  if kind == INITIATION or kind == RESPONSE then
    return size == SIZES[kind]
  end
  local is_zero = view.u24(data, at + 1) == 0
  return is_zero and (kind == DATA or kind == COOKIE and size == SIZES[kind])
end

local function decode(layers, header, data, at, limit, stop)
  if not is_message(data, at, limit, stop - at) then
    return nil, nil, at, limit, stop -- not WireGuard
  elseif limit - at < SIZE then
    return follow.fail(layers, "wireguard: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.wireguard, layers.last = header, "wireguard"
  return nil, nil, at + SIZE, limit, stop
end

return { name = "wireguard", view = view.type("wireguard", SIZE, fields), decode = decode }
