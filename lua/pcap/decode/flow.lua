--- The key of a flow: addresses, ports and protocol in one string of 13 (IPv4) or 37 bytes.

local ffi = require "ffi"

local copy, cast = ffi.copy, ffi.cast
local words = ffi.typeof("const uint64_t *")

local key = ffi.new("uint8_t[?]", 40)

-- Whether the source is above the destination. Any order will do if it is always the same. If the
-- addresses are equal, the ports decide.
local function is_above4(ip, ports)
  local src, dst = ip.src_number, ip.dst_number
  if src ~= dst or not ports then
    return src > dst
  end
  return ports.source_port > ports.dest_port
end

local function is_above6(ip, ports)
  local src, dst = cast(words, ip.bytes + 8), cast(words, ip.bytes + 24)
  if src[0] ~= dst[0] then
    return src[0] > dst[0]
  elseif src[1] ~= dst[1] or not ports then
    return src[1] > dst[1]
  end
  return ports.source_port > ports.dest_port
end

-- Puts both ports at `at`, and the protocol after them.
local function put_rest(at, ports, proto, swap)
  if not ports then
    key[at], key[at + 1], key[at + 2], key[at + 3] = 0, 0, 0, 0
  else
    local from, to = at, at + 2
    if swap then from, to = to, from end
    key[from], key[from + 1] = ports.bytes[0], ports.bytes[1]
    key[to], key[to + 1] = ports.bytes[2], ports.bytes[3]
  end
  key[at + 4] = proto
end

---@param layers table
---@param either boolean|nil  true: the same key for both directions
---@return string|nil
return function(layers, either)
  local ip = layers.ip
  if not ip then
    return nil
  end
  local ports = layers.tcp or layers.udp or layers.sctp
  local proto = layers.ah and layers.ah.proto or ip.proto
  if ip.version == 4 then
    local swap = either and is_above4(ip, ports)
    copy(key, ip.bytes + (swap and 16 or 12), 4)
    copy(key + 4, ip.bytes + (swap and 12 or 16), 4)
    put_rest(8, ports, proto, swap)
    return (ffi.string(key, 13))
  end
  local swap = either and is_above6(ip, ports)
  copy(key, ip.bytes + (swap and 24 or 8), 16)
  copy(key + 16, ip.bytes + (swap and 8 or 24), 16)
  put_rest(32, ports, proto, swap)
  return (ffi.string(key, 37))
end
