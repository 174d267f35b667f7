--- Ethernet with a tag of a switch's chip (Broadcom's, Marvell's DSA) before the type.

local address = require "pcap.decode.address"
local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local ADDRESSES = 12
local EDSA = 285

local fields = {
  dst = function(h) return (address.mac(h.bytes, 0)) end,
  src = function(h) return (address.mac(h.bytes, 6)) end,
  dst_bytes = function(h) return (ffi.string(h.bytes, 6)) end,
  src_bytes = function(h) return (ffi.string(h.bytes + 6, 6)) end,
  dst_number = function(h) return (address.number48(h.bytes, 0)) end,
  src_number = function(h) return (address.number48(h.bytes, 6)) end,
  type = function(h) return (view.u16(h.bytes, h.type_at)) end,
  tag = function(h) return (view.u32(h.bytes, h.type_at - 4)) end,
}

local function decode(layers, header, data, at, limit, stop, linktype)
  local type_at = linktype == EDSA and ADDRESSES + 8 or ADDRESSES + 4
  local size = type_at + 2
  if limit - at < size then
    return follow.fail(layers, "eth: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, size, stop)
  header.type_at = type_at
  layers.eth, layers.last = header, "eth"
  return follow.type_or_length(header, view.u16(data, at + type_at), data, at + size, limit, stop)
end

return {
  name = "eth",
  view = view.type("dsa", ADDRESSES + 10, fields, { "int32_t type_at" }),
  decode = decode,
}
