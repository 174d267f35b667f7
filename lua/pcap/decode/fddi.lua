--- FDDI. Savefiles have its addresses with the bits of each byte in reverse order.

local bit = require "bit"
local address = require "pcap.decode.address"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local SIZE = 13
local LLC_FRAME = 0x50 -- of the frame control's bits 0xf0

local function reversed(byte)
  local result = 0
  for i = 0, 7 do
    result = result + bit.band(bit.rshift(byte, i), 1) * bit.lshift(1, 7 - i)
  end
  return result
end

local function bytes(at)
  return function(h)
    local list = {}
    for i = 1, 6 do
      list[i] = string.char(reversed(h.bytes[at + i - 1]))
    end
    return table.concat(list)
  end
end

local function text(at)
  local bytes_of = bytes(at)
  return function(h) return (address.text(bytes_of(h))) end
end

local fields = {
  frame_control = function(h) return h.bytes[0] end,
  dst = text(1), src = text(7),
  dst_bytes = bytes(1), src_bytes = bytes(7),
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "fddi: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.fddi, layers.last = header, "fddi"
  if bit.band(data[at], 0xf0) ~= LLC_FRAME then
    return nil, nil, at + SIZE, limit, stop
  end
  return "llc", 0, at + SIZE, limit, stop
end

return { name = "fddi", view = view.type("fddi", SIZE, fields), decode = decode }
