--- The internet checksum (RFC 1071) of IPv4, TCP, UDP, ICMP and ICMPv6.

local bit = require "bit"
local ffi = require "ffi"

local cast, bytes_pointer = ffi.cast, ffi.typeof("const uint8_t *")
local band, bor, lshift, rshift = bit.band, bit.bor, bit.lshift, bit.rshift

local checksum = {}

-- Adds words of 16 bits to a sum. If a byte is left over, it is the upper half of a word.
local function add(sum, bytes, at, size)
  for i = at, at + size - 2, 2 do
    sum = sum + bor(lshift(bytes[i], 8), bytes[i + 1])
  end
  if size % 2 == 1 then
    sum = sum + lshift(bytes[at + size - 1], 8)
  end
  return sum
end

-- If the bytes include their own checksum, the sum is all ones.
local function is_right(sum)
  while sum > 0xffff do
    sum = sum % 65536 + math.floor(sum / 65536)
  end
  return sum == 0xffff
end

-- The pseudo header of RFC 793 or RFC 8200: addresses, length and protocol. The addresses are those
-- of the two ends: the last one of a route, and the home address of a mobile node.
local function pseudo_header(ip, size, proto)
  local sum = proto + rshift(size, 16) + band(size, 0xffff)
  local src, dst = ip.home_address_bytes or ip.src_bytes, ip.final_dst_bytes or ip.dst_bytes
  return add(add(sum, cast(bytes_pointer, src), 0, #src), cast(bytes_pointer, dst), 0, #dst)
end

-- By layer: the size of its header, and its protocol number in the pseudo header. ICMP has no
-- pseudo header.
local SEGMENTS = {
  tcp = { size = function(h) return h.offset end, proto = 6 },
  udp = { size = function() return 8 end, proto = 17 },
  igmp = { size = function() return 8 end },
  icmp = { size = function() return 8 end },
  icmpv6 = { size = function() return 8 end, proto = 58 },
}

-- Why one cannot tell whether a datagram's checksum is right, or nil.
local function udp_problem(layers, udp, ip, size)
  -- Tunnels need no checksum over IPv6 either (RFC 6935, RFC 3948).
  local is_tunnel = layers.inner or layers.vxlan or layers.geneve or layers.gtp or layers.esp
  if udp.checksum == 0 and (ip.version == 4 or is_tunnel) then
    return "the sender gave no checksum"
  elseif udp.length ~= size and not (udp.length == 0 and ip.version == 6) then
    return "its length is not that of what there is"
  end
end

local function verify_segment(layers, pkt, name)
  local header, ip, segment = layers[name], layers.ip, SEGMENTS[name]
  local size = (segment.size(header) or 0) + header.content_length
  if not segment.size(header) then
    return nil, "not all of it was captured"
  elseif not ip then
    return nil, "there is no ip"
  elseif ip.is_fragment then
    return nil, "a fragment has only a part of what is summed"
  elseif header.begin - 1 + size > pkt.caplen then
    return nil, "not all of it was captured"
  end
  local problem = name == "udp" and udp_problem(layers, header, ip, size)
  if problem then
    return nil, problem
  elseif name == "udp" and header.checksum == 0 then
    return false
  end
  local sum = segment.proto and pseudo_header(ip, size, segment.proto) or 0
  return is_right(add(sum, pkt.data, header.begin - 1, size))
end

local function verify_one(layers, pkt, name)
  local header = layers[name]
  if not header then
    return nil, "there is no " .. name
  elseif SEGMENTS[name] then
    return verify_segment(layers, pkt, name)
  elseif header.version ~= 4 then
    return nil, "IPv6 has no checksum"
  elseif header.begin - 1 + header.header_size > pkt.caplen then
    return nil, "not all of it was captured"
  end
  return is_right(add(0, header.bytes, 0, header.header_size))
end

--- The layers whose checksums verify() knows, for a message.
checksum.KNOWN = "'ip', 'tcp', 'udp', 'icmp', 'icmpv6' or 'igmp'"

--- Whether verify() knows a layer's checksum.
function checksum.is_known(name)
  return name == "ip" or SEGMENTS[name] ~= nil
end

local ALL = { "ip", "tcp", "udp", "icmp", "icmpv6", "igmp" }

--- See Layers:verify().
function checksum.verify(layers, pkt, name)
  if name ~= nil then
    return verify_one(layers, pkt, name)
  end
  local outcome, reason = nil, "there is nothing to verify"
  for _, each in ipairs(ALL) do
    local right, why = verify_one(layers, pkt, each)
    if right == false then
      return false, each
    elseif right then
      outcome, reason = true, nil
    elseif layers[each] and outcome == nil then
      reason = why
    end
  end
  return outcome, reason
end

return checksum
