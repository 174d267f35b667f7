--- Ethernet by an EtherType (transparent bridging) or by a protocol of IP (RFC 8986).

local LINKTYPE_ETHERNET = 1

-- If Ethernet or IP comes before it, it is in a tunnel.
local function decode(layers, _, _, at, limit, stop)
  local is_inside = layers.eth or layers.ip
  return is_inside and "inner_linktype" or "linktype", LINKTYPE_ETHERNET, at, limit, stop
end

return { decode = decode }
