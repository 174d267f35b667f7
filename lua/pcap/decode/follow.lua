--- What a decoder returns: what follows the header, or why decoding cannot go on.

local bit = require "bit"
local view = require "pcap.decode.view"

local rshift = bit.rshift
local u16 = view.u16

local follow = {}

local RAW_IPX = 0xffff -- Novell's, which has no LLC

--- Notes why decoding cannot go on. The payload is then all that the decoder was given.
function follow.fail(layers, message, at, limit, stop)
  layers.error = layers.error or message
  return nil, nil, at, limit, stop
end

--- Notes that the header's variable part, which would end at `last`, was not all captured. The view
-- has the fixed part. Nothing is left as payload.
function follow.cut(layers, header, message, last, limit, stop)
  layers.error = layers.error or message
  header.content_length = stop > last and stop - last or 0
  return nil, nil, limit, limit, stop
end

local LONGEST_LENGTH = 1500

--- The highest EtherType that is not a type but a length (IEEE 802.3).
follow.LONGEST_LENGTH = LONGEST_LENGTH

--- If the header has such a length, LLC follows, and the packet ends where the length says. The
-- header's content ends there too.
function follow.length(header, length, data, at, limit, stop)
  if length < header.content_length then
    header.content_length = length
  end
  if at + length < stop then
    stop = at + length
    if limit > stop then limit = stop end
  end
  if limit - at >= 2 and u16(data, at) == RAW_IPX then
    return nil, nil, at, limit, stop
  end
  return "llc", 0, at, limit, stop
end

--- What follows a header that ends with an EtherType or a length. Ethernet and VLAN have this in
-- their own code, because a call costs a caller's trace constants, of which it may have 500.
function follow.type_or_length(header, number, data, at, limit, stop)
  if number > LONGEST_LENGTH then
    return "ethertype", number, at, limit, stop
  end
  return follow.length(header, number, data, at, limit, stop)
end

--- Of the two ports that stand at `from`, the one that the table of dispatch knows. It looks for
-- the destination's first. The port is the number in the space.
function follow.port(layers, space, data, from)
  local ports = layers.spaces[space]
  local port = u16(data, from + 2)
  return (ports[port] and port or u16(data, from))
end

--- Whether an Ethernet header may stand here: its type is one that is decoded.
function follow.is_ethernet(layers, data, at, limit)
  return limit - at >= 14 and layers.spaces.ethertype[u16(data, at + 12)] ~= nil
end

--- IPv4 or IPv6, as the first four bits say, or nothing that is known. The numbers are constants
-- in the code: with these a compiled trace looks up faster than with a table's.
function follow.ip_version(space, data, at, limit, stop)
  local version = limit > at and rshift(data[at], 4)
  if version == 4 then
    return space, 0x0800, at, limit, stop
  elseif version == 6 then
    return space, 0x86dd, at, limit, stop
  end
  return nil, nil, at, limit, stop
end

return follow
