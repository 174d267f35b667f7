--- BSD loopback. NULL has the address family in the byte order of the machine that captured. LOOP
-- has it in network order.

local bit = require "bit"
local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local DLT_LOOP = 108
local SIZE = 4

-- AF_INET everywhere; AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS.
local ETHERTYPES = { [2] = 0x0800, [10] = 0x86dd, [24] = 0x86dd, [28] = 0x86dd, [30] = 0x86dd }

local fields = {
  family = function(h) return h.number end,
}

-- A family is a small number, so the right byte order is the one that gives a small number.
local function family(data, at, linktype)
  local number = view.u32(data, at)
  if linktype ~= DLT_LOOP and number > 0xffff then
    return bit.bswap(number) % 2 ^ 32
  end
  return number
end

local function decode(layers, header, data, at, limit, stop, linktype)
  if limit - at < SIZE then
    return follow.fail(layers, "null: header cut short", at, limit, stop)
  end
  view.fill(header, data, at, SIZE, stop)
  header.number = family(data, at, linktype)
  layers.null, layers.last = header, "null"
  -- A few systems have an EtherType there.
  return "ethertype", ETHERTYPES[header.number] or header.number, at + SIZE, limit, stop
end

return {
  name = "null",
  view = view.type("null", SIZE, fields, { "double number" }),
  decode = decode,
}
