--- macOS' PKTAP: the interface and the process, in front of a packet of another link type.

local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16le, u32le = view.u16le, view.u32le
local SIZE = 108
local PKTAP, PKTAP_ON_MACOS = 258, 149
local PACKET = 1 -- a record's type

local function text(at, size)
  return function(h) return (ffi.string(h.bytes + at, size):match("^%Z*")) end
end

local fields = {
  length = function(h) return (u32le(h.bytes, 0)) end,
  record_type = function(h) return (u32le(h.bytes, 4)) end,
  linktype = function(h) return (u32le(h.bytes, 8)) end,
  interface = text(12, 24),
  flags = function(h) return (u32le(h.bytes, 36)) end,
  family = function(h) return (u32le(h.bytes, 40)) end,
  pid = function(h) return (u32le(h.bytes, 52)) end,
  command = text(56, 20),
  service_class = function(h) return (u32le(h.bytes, 76)) end,
  interface_type = function(h) return (u16le(h.bytes, 80)) end,
  interface_unit = function(h) return (u16le(h.bytes, 82)) end,
  effective_pid = function(h) return (u32le(h.bytes, 84)) end,
  effective_command = text(88, 20),
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "pktap: header cut short", at, limit, stop)
  end
  local size, linktype = u32le(data, at), u32le(data, at + 8)
  if size < SIZE then
    return follow.fail(layers, "pktap: length is less than the header's", at, limit, stop)
  elseif limit - at < size then
    return follow.fail(layers, "pktap: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  header.content_length = stop - at - size
  layers.pktap, layers.last = header, "pktap"
  if linktype == PKTAP or linktype == PKTAP_ON_MACOS or u32le(data, at + 4) ~= PACKET then
    return nil, nil, at + size, limit, stop
  end
  return "linktype", linktype, at + size, limit, stop
end

return { name = "pktap", view = view.type("pktap", SIZE, fields), decode = decode }
