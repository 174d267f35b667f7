--- OpenBSD's pflog: what the packet filter says of a packet, in front of the packet.

local bit = require "bit"
local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local SIZE = 48
local ETHERTYPES = { [2] = 0x0800, [24] = 0x86dd, [28] = 0x86dd, [30] = 0x86dd }

local fields = {
  length = function(h) return h.bytes[0] end,
  family = function(h) return h.bytes[1] end,
  action = function(h) return h.bytes[2] end,
  reason = function(h) return h.bytes[3] end,
  interface = function(h) return (ffi.string(h.bytes + 4, 16):match("^%Z*")) end,
  rule = function(h) return (view.u32(h.bytes, 36)) end,
}

local function decode(layers, header, data, at, limit, stop)
  local size = limit > at and bit.band(data[at] + 3, -4) or 0
  if limit - at < SIZE or size < SIZE or limit - at < size then
    return follow.fail(layers, "pflog: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  header.content_length = stop - at - size
  layers.pflog, layers.last = header, "pflog"
  return "ethertype", ETHERTYPES[data[at + 1]] or 0, at + size, limit, stop
end

return { name = "pflog", view = view.type("pflog", SIZE, fields), decode = decode }
