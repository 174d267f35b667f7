--- PIM (RFC 7761): the header of its messages, and the packet that a Register message carries.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local flag = view.flag
local SIZE, REGISTER_SIZE = 4, 8
local REGISTER = 1

local function of_register(mask)
  return function(h)
    if h.kept == REGISTER_SIZE then
      return (flag(h.bytes[4], mask))
    end
  end
end

local fields = {
  version = function(h) return (bit.rshift(h.bytes[0], 4)) end,
  type = function(h) return (bit.band(h.bytes[0], 15)) end,
  checksum = function(h) return (view.u16(h.bytes, 2)) end,
  is_border = of_register(0x80),
  is_null = of_register(0x40),
}

local function decode(layers, header, data, at, limit, stop)
  if limit - at < SIZE then
    return follow.fail(layers, "pim: header cut short", at, limit, stop)
  end
  local is_register = data[at] == 0x20 + REGISTER and limit - at >= REGISTER_SIZE
  local size = is_register and REGISTER_SIZE or SIZE
  view.fill(header, data, at, size, stop)
  header.kept = size
  layers.pim, layers.last = header, "pim"
  if not is_register then
    return nil, nil, at + size, limit, stop
  end
  return follow.ip_version("inner_ethertype", data, at + size, limit, stop)
end

return {
  name = "pim",
  view = view.type("pim", REGISTER_SIZE, fields, { "int32_t kept" }),
  decode = decode,
}
