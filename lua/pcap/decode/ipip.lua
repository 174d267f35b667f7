--- IP in IP: IPv4 (RFC 2003) or IPv6 (RFC 2473), with no other header in between.

local IPIP = 4

local function decode(_, _, _, at, limit, stop, number)
  return "inner_ethertype", number == IPIP and 0x0800 or 0x86dd, at, limit, stop
end

return { decode = decode }
