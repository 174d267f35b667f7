--- Cisco's metadata (CMD): a tag of TrustSec before the type of a frame.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16 = view.u16
local SIZE = 8

local fields = {
  version = function(h) return h.bytes[0] end,
  length = function(h) return h.bytes[1] end,
  options = function(h) return (u16(h.bytes, 2)) end,
  sgt = function(h) return (u16(h.bytes, 4)) end,
  type = function(h) return (u16(h.bytes, 6)) end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "cmd: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  layers.cmd, layers.last = header, "cmd"
  return follow.type_or_length(header, u16(data, at + 6), data, at + SIZE, limit, stop)
end

return { name = "cmd", view = view.type("cmd", SIZE, fields), decode = decode }
