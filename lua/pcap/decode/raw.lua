--- RAW: no link layer at all. The version field says which IP it is.

local bit = require "bit"
local follow = require "pcap.decode.follow"

local function decode(layers, _, data, at, limit, stop)
  local version = limit > at and bit.rshift(data[at], 4)
  if version == 4 then
    return "ethertype", 0x0800, at, limit, stop
  elseif version == 6 then
    return "ethertype", 0x86dd, at, limit, stop
  end
  return follow.fail(layers, "raw: neither IPv4 nor IPv6", at, limit, stop)
end

return { decode = decode }
