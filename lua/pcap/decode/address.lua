--- Addresses: turns bytes into text or numbers, and text back into bytes.

local ffi = require "ffi"
local check = require "pcap.core.check"
local view = require "pcap.decode.view"

local u16, u32 = view.u16, view.u32

local address = {}

--- "10.0.0.1" of four bytes.
function address.ipv4(bytes, at)
  return ("%d.%d.%d.%d"):format(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3])
end

--- "02:00:00:00:00:01" of six bytes.
function address.mac(bytes, at)
  return ("%02x:%02x:%02x:%02x:%02x:%02x"):format(bytes[at], bytes[at + 1], bytes[at + 2],
    bytes[at + 3], bytes[at + 4], bytes[at + 5])
end

-- The longest run of two or more zero groups. Of equally long runs it is the first (RFC 5952, 4.2).
local function longest_zeros(groups)
  local from, length, run = 0, 1, 0
  for i = 1, 8 do
    run = groups[i] == 0 and run + 1 or 0
    if run > length then
      from, length = i - run + 1, run
    end
  end
  return from, length
end

--- "2001:db8::1" of sixteen bytes, in the form of RFC 5952 on which inet_ntop, tcpdump and tshark
-- agree. After six zero groups, or after five and ffff, they write the last four bytes as IPv4's.
function address.ipv6(bytes, at)
  local groups, text = {}, {}
  for i = 1, 8 do
    groups[i] = u16(bytes, at + 2 * i - 2)
    text[i] = ("%x"):format(groups[i])
  end
  local from, length = longest_zeros(groups)
  if from == 1 and length == 6 then
    return "::" .. address.ipv4(bytes, at + 12)
  elseif from == 1 and length == 5 and groups[6] == 0xffff then
    return "::ffff:" .. address.ipv4(bytes, at + 12)
  elseif from == 0 then
    return table.concat(text, ":")
  end
  return table.concat(text, ":", 1, from - 1) .. "::" .. table.concat(text, ":", from + length)
end

--- Any bytes, as hexadecimal numbers with colons.
function address.hex(bytes, at, size)
  local text = {}
  for i = 1, size do
    text[i] = ("%02x"):format(bytes[at + i - 1])
  end
  return table.concat(text, ":")
end

--- Six bytes as a number, which a double holds exactly.
function address.number48(bytes, at)
  return u16(bytes, at) * 4294967296 + u32(bytes, at + 2)
end

local WRITERS = { [4] = address.ipv4, [6] = address.mac, [16] = address.ipv6 }

--- The text of an address.
---@param bytes string  4 (IPv4), 6 (Ethernet) or 16 (IPv6) of them
---@return string text
function address.text(bytes)
  local writer = WRITERS[#check.bytes(bytes, 1, "text")]
  if not writer then
    check.fail(1, "text", "4, 6 or 16 bytes expected, got " .. #bytes)
  end
  return writer(ffi.cast("const uint8_t *", bytes), 0)
end

-- Takes what inet_pton takes: no zeros in front, because some programs read those as octal.
local function read_ipv4(text)
  local a, b, c, d = text:match("^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$")
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  if a and a < 256 and b < 256 and c < 256 and d < 256 and not text:find("%f[%d]0%d") then
    return string.char(a, b, c, d)
  end
end

local function read_mac(text)
  if text:find("^%x%x:%x%x:%x%x:%x%x:%x%x:%x%x$") then
    return (text:gsub("(%x%x):?", function(hex) return string.char(tonumber(hex, 16)) end))
  end
end

-- The bytes of groups with colons between them; nil if one is not a group.
local function read_groups(text)
  local bytes = {}
  if text == "" then
    return ""
  end
  for group in (text .. ":"):gmatch("([^:]*):") do
    if not group:find("^%x%x?%x?%x?$") then
      return nil
    end
    local value = tonumber(group, 16)
    bytes[#bytes + 1] = string.char(math.floor(value / 256), value % 256)
  end
  return table.concat(bytes)
end

local function read_ipv6(text)
  local dotted = text:match(":([%d.]+)$")
  local tail = dotted and read_ipv4(dotted)
  if tail then
    local a, b, c, d = tail:byte(1, 4)
    text = ("%s%x:%x"):format(text:sub(1, -#dotted - 1), a * 256 + b, c * 256 + d)
  end
  local left, right = text:match("^(.-)::(.*)$")
  left, right = read_groups(left or text), right and read_groups(right)
  if left and right and #left + #right <= 14 then
    return left .. ("\0"):rep(16 - #left - #right) .. right
  elseif left and #left == 16 and not text:find("::", 1, true) then
    return left
  end
end

--- The bytes of an address, to compare with a view's src_bytes or dst_bytes; and its number, to
-- compare with src_number or dst_number.
---@param text string  of IPv4, IPv6 or Ethernet
---@return string|nil bytes    4, 16 or 6 of them
---@return number|string number  nil for IPv6; or the message
function address.address(text)
  check.bytes(text, 1, "address")
  local bytes = read_ipv4(text) or read_mac(text) or read_ipv6(text)
  if not bytes then
    return nil, ("not an address: %q"):format(text)
  end
  local pointer = ffi.cast("const uint8_t *", bytes)
  return bytes, #bytes == 4 and u32(pointer, 0)
    or #bytes == 6 and address.number48(pointer, 0) or nil
end

return address
