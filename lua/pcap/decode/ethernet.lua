--- Ethernet II and IEEE 802.3. In place of Ethernet II's type, 802.3 has the length.

local ffi = require "ffi"
local address = require "pcap.decode.address"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local copy, u16, LONGEST_LENGTH = ffi.copy, view.u16, follow.LONGEST_LENGTH
local SIZE = 14

local fields = {
  dst = function(h) return (address.mac(h.bytes, 0)) end,
  src = function(h) return (address.mac(h.bytes, 6)) end,
  dst_bytes = function(h) return (ffi.string(h.bytes, 6)) end,
  src_bytes = function(h) return (ffi.string(h.bytes + 6, 6)) end,
  dst_number = function(h) return (address.number48(h.bytes, 0)) end,
  src_number = function(h) return (address.number48(h.bytes, 6)) end,
  type = function(h) return (u16(h.bytes, 12)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "eth: header cut short", at, limit, stop)
  end
  copy(header.bytes, data + at, SIZE)
  header.begin, header.content_length = at + 1, stop - at - SIZE
  layers.eth, layers.last = header, "eth"
  local ethertype = u16(data, at + 12)
  if ethertype > LONGEST_LENGTH then
    return "ethertype", ethertype, at + SIZE, limit, stop
  end
  return follow.length(header, ethertype, data, at + SIZE, limit, stop)
end

return { name = "eth", view = view.type("ethernet", SIZE, fields), decode = decode }
