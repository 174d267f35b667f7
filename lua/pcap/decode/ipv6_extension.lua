--- IPv6's extension headers, one at a time: each is noted in the view of IP, or of the
-- authentication header that came before it.

local follow = require "pcap.decode.follow"
local view = require "pcap.decode.view"

local u16, u32 = view.u16, view.u32
local ROUTING, FRAGMENT = 43, 44

local function decode(layers, _, data, at, limit, stop, number)
  local ip = layers.ip
  if not ip or ip.version ~= 6 then
    return nil, nil, at, limit, stop -- behind IPv4 these numbers are no extensions
  elseif limit - at < 8 then
    return follow.fail(layers, "ip: extension header cut short", at, limit, stop)
  end
  local size = number == FRAGMENT and 8 or 8 + data[at + 1] * 8
  if limit - at < size then
    return follow.fail(layers, "ip: extension header cut short", at, limit, stop)
  end
  if layers.ah then -- then it is of what that one has behind it
    layers.ah.proto = data[at]
    layers.ah.content_length = layers.ah.content_length - size
  else
    ip.proto = data[at]
    ip.header_size = ip.header_size + size
    ip.content_length = ip.content_length - size
  end
  if number == FRAGMENT then
    ip.fragment, ip.fragment_id = u16(data, at + 2), u32(data, at + 4)
    if ip.fragment_offset ~= 0 then
      return nil, nil, at + size, limit, stop -- what follows is the middle of something
    end
  elseif number == ROUTING and data[at + 3] > 0 then
    ip.is_routed = true
  end
  return "ip", data[at], at + size, limit, stop
end

return { decode = decode }
