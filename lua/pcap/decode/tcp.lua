--- TCP (RFC 9293).

local bit = require "bit"
local ffi = require "ffi"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"
local tcp_options = require "pcap.decode.tcp_options"

local band, lshift, rshift = bit.band, bit.lshift, bit.rshift
local copy, flag, u16, u32 = ffi.copy, view.flag, view.u16, view.u32
local port = follow.port
local SIZE, LONGEST = 20, 60
local CAPTURED = LONGEST -- here the view of a header with options has how much was captured

local fields = {
  source_port = function(h) return (u16(h.bytes, 0)) end,
  dest_port = function(h) return (u16(h.bytes, 2)) end,
  seq_num = function(h) return (u32(h.bytes, 4)) end,
  ack = function(h) return (u32(h.bytes, 8)) end,
  offset = function(h) return rshift(h.bytes[12], 4) * 4 end,
  flags = function(h) return (band(u16(h.bytes, 12), 0xfff)) end,
  f_fin = function(h) return (flag(h.bytes[13], 0x01)) end,
  f_syn = function(h) return (flag(h.bytes[13], 0x02)) end,
  f_reset = function(h) return (flag(h.bytes[13], 0x04)) end,
  f_push = function(h) return (flag(h.bytes[13], 0x08)) end,
  f_ack = function(h) return (flag(h.bytes[13], 0x10)) end,
  f_urg = function(h) return (flag(h.bytes[13], 0x20)) end,
  f_ece = function(h) return (flag(h.bytes[13], 0x40)) end,
  f_cwr = function(h) return (flag(h.bytes[13], 0x80)) end,
  window = function(h) return (u16(h.bytes, 14)) end,
  checksum = function(h) return (u16(h.bytes, 16)) end,
  urgent_pointer = function(h) return (u16(h.bytes, 18)) end,
  options = function(h)
    local offset = rshift(h.bytes[12], 4) * 4
    return (tcp_options(h.bytes, SIZE, offset > SIZE and h.bytes[CAPTURED] or offset))
  end,
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "tcp: header cut short", at, limit, stop)
  end
  local size = lshift(rshift(data[at + 12], 4), 2)
  if size < SIZE then
    return follow.fail(layers, "tcp: data offset is less than 20", at, limit, stop)
  elseif limit - at < size then
    view.fill_cut(header, data, at, size, limit, stop)
    header.bytes[CAPTURED] = limit - at
    layers.tcp, layers.last = header, "tcp"
    return follow.fail(layers, "tcp: options cut short", limit, limit, stop)
  end
  if size == SIZE then
    copy(header.bytes, data + at, SIZE) -- a constant size compiles to three moves
  else
    copy(header.bytes, data + at, size)
    header.bytes[CAPTURED] = size
  end
  header.begin, header.content_length = at + 1, stop - at - size
  layers.tcp, layers.last = header, "tcp"
  return "tcp", port(layers, "tcp", data, at), at + size, limit, stop
end

return { name = "tcp", view = view.type("tcp", LONGEST + 1, fields), decode = decode }
