--- Provider backbone bridges (IEEE 802.1ah): a service's number before a customer's frame.

local bit = require "bit"
local address = require "pcap.decode.address"
local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local flag, u16 = view.flag, view.u16
local TAG, SIZE = 4, 18
local LINKTYPE_ETHERNET = 1

local fields = {
  priority = function(h) return (bit.rshift(h.bytes[0], 5)) end,
  drop_eligible = function(h) return (flag(h.bytes[0], 0x10)) end,
  nca = function(h) return (flag(h.bytes[0], 0x08)) end,
  isid = function(h) return (view.u24(h.bytes, 1)) end,
  dst = function(h) return (address.mac(h.bytes, 4)) end,
  src = function(h) return (address.mac(h.bytes, 10)) end,
  dst_bytes = function(h) return (ffi.string(h.bytes + 4, 6)) end,
  src_bytes = function(h) return (ffi.string(h.bytes + 10, 6)) end,
  type = function(h) return (u16(h.bytes, 16)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "pbb: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.pbb, layers.last = header, "pbb"
  return "inner_linktype", LINKTYPE_ETHERNET, at + TAG, limit, stop
end

return { name = "pbb", view = view.type("pbb", SIZE, fields), decode = decode }
