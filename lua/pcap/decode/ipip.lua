--- IP in IP: IPv4 (RFC 2003) or IPv6 (RFC 2473), which have no header of their own between.

local follow = require "pcap.decode.follow"

local IPIP = 4

local function decode(layers, _, _, at, limit, stop, number)
  return follow.tunnel(layers, "ethertype", number == IPIP and 0x0800 or 0x86dd, at, limit, stop)
end

return { decode = decode }
