--- Reads DNS messages (RFC 1035): names, questions and records. Nothing in a message is trusted.

local bit = require "bit"
local decode = require "pcap.decode"

local dns = {}

local HEADER_SIZE = 12
-- A name has 255 bytes at the most. Pointers lead backwards only, so no name is read for ever.
local LONGEST_NAME = 255

dns.TYPES = { "A", "NS", [5] = "CNAME", [6] = "SOA", [12] = "PTR", [13] = "HINFO", [15] = "MX",
  [16] = "TXT", [17] = "RP", [18] = "AFSDB", [24] = "SIG", [25] = "KEY", [28] = "AAAA",
  [29] = "LOC", [33] = "SRV", [35] = "NAPTR", [37] = "CERT", [39] = "DNAME", [41] = "OPT",
  [43] = "DS", [44] = "SSHFP", [46] = "RRSIG", [47] = "NSEC", [48] = "DNSKEY", [50] = "NSEC3",
  [51] = "NSEC3PARAM", [52] = "TLSA", [64] = "SVCB", [65] = "HTTPS", [99] = "SPF",
  [249] = "TKEY", [250] = "TSIG", [251] = "IXFR", [252] = "AXFR", [255] = "ANY", [256] = "URI",
  [257] = "CAA" }

local RCODES = { [0] = "NoError", "FormErr", "ServFail", "NXDomain", "NotImp", "Refused",
  "YXDomain", "YXRRSet", "NXRRSet", "NotAuth", "NotZone" }

local OPCODES = { [0] = "query", "inverse query", "status", [4] = "notify", [5] = "update" }

-- Numbers in network byte order, at a position counted from 1; nil behind the end.

local function u16(bytes, at)
  local high, low = bytes:byte(at, at + 1)
  return low and high * 256 + low
end

local function u32(bytes, at)
  local high, low = u16(bytes, at), u16(bytes, at + 2)
  return low and high * 65536 + low
end

-- A label's text: a dot in it, and what is not printable, is written \DDD as in zone files.
local function label(bytes)
  return (bytes:gsub("[%.\\]", "\\%0"):gsub("[^\33-\126]", function(byte)
    return ("\\%03d"):format(byte:byte())
  end))
end

-- The name at a position, and the position after it. Nil if it is cut short or leads nowhere.
local function name_at(bytes, at)
  local labels, length, after, lowest = {}, 0, nil, at
  while true do
    local size = bytes:byte(at)
    if not size then
      return nil
    elseif size >= 0xc0 then
      local low = bytes:byte(at + 1)
      local target = low and (size - 0xc0) * 256 + low + 1
      if not target or target >= lowest then
        return nil
      end
      after, at, lowest = after or at + 2, target, target
    elseif size >= 64 then
      return nil
    elseif size == 0 then
      return labels[1] and table.concat(labels, ".") or ".", after or at + 1
    else
      length = length + size + 1
      if at + size > #bytes or length >= LONGEST_NAME then
        return nil
      end
      labels[#labels + 1], at = label(bytes:sub(at + 1, at + size)), at + size + 1
    end
  end
end

-- The strings of TXT and the like, each with its length before it.
local function strings(bytes, at, limit)
  local list = {}
  while at < limit do
    local size = bytes:byte(at)
    if not size or at + 1 + size > limit then
      return nil
    end
    list[#list + 1] = '"' .. label(bytes:sub(at + 1, at + size)):gsub("\\032", " ")
      :gsub("\\%.", "."):gsub('"', '\\"') .. '"'
    at = at + 1 + size
  end
  return table.concat(list, " ")
end

local function address(size)
  return function(bytes, at, limit)
    return limit - at == size and decode.text(bytes:sub(at, limit - 1)) or nil
  end
end

-- Numbers of 16 bits, and a name.
local function numbers_and_name(count)
  return function(bytes, at)
    local parts = {}
    for i = 1, count do
      parts[i] = u16(bytes, at + (i - 1) * 2)
    end
    parts[count + 1] = name_at(bytes, at + count * 2)
    return #parts == count + 1 and table.concat(parts, " ") or nil
  end
end

local one_name = numbers_and_name(0)

local function soa(bytes, at)
  local server, next_at = name_at(bytes, at)
  local mailbox, numbers_at = name_at(bytes, next_at or #bytes + 1)
  local serial = mailbox and u32(bytes, numbers_at)
  return serial and ("%s %s %.0f"):format(server, mailbox, serial) or nil
end

local function naptr(bytes, at, limit)
  local order, preference = u16(bytes, at), u16(bytes, at + 2)
  local begin = at + 4
  for _ = 1, 3 do
    begin = begin + 1 + (bytes:byte(begin) or limit)
  end
  local texts = preference and begin <= limit and strings(bytes, at + 4, begin)
  local replacement = texts and name_at(bytes, begin)
  return replacement and ("%d %d %s %s"):format(order, preference, texts, replacement) or nil
end

local DATA = { [1] = address(4), [2] = one_name, [5] = one_name, [6] = soa, [12] = one_name,
  [15] = numbers_and_name(1), [16] = strings, [28] = address(16), [33] = numbers_and_name(3),
  [35] = naptr, [39] = one_name, [99] = strings }

local function type_name(number)
  return dns.TYPES[number] or ("TYPE%d"):format(number)
end

local function read_question(bytes, at)
  local name, after = name_at(bytes, at)
  local class = name and u16(bytes, after + 2)
  if class then
    return { name = name, type = type_name(u16(bytes, after)), class = class }, after + 4
  end
end

local function read_record(bytes, at)
  local name, after = name_at(bytes, at)
  local size = name and u16(bytes, after + 8)
  local from = size and after + 10
  if not size or from + size - 1 > #bytes then
    return nil
  end
  local kind = u16(bytes, after)
  local read = DATA[kind]
  local data = read and read(bytes:sub(1, from + size - 1), from, from + size)
  return { name = name, type = type_name(kind), class = u16(bytes, after + 2),
    ttl = u32(bytes, after + 4), data = data, size = size }, from + size
end

-- Reads `count` of them. Gives the list, where the next begins, and whether all were there.
local function read_list(bytes, at, count, read)
  local list = {}
  while #list < count and at do
    local one, after = read(bytes, at)
    list[#list + 1], at = one, after
  end
  return list, at
end

--- Reads a message.
---@param bytes string
---@return table|nil message  nil if it is no whole header. `id`, `is_response`, `opcode`, `rcode`,
--- `is_truncated`; lists `questions` (name, type, class), `answers`, `authorities` and `additional`
--- (also ttl, size, and data as text, nil for a type that is not read); `error` if it is malformed
function dns.read(bytes)
  if #bytes < HEADER_SIZE then
    return nil
  end
  local flags, at = u16(bytes, 3), HEADER_SIZE + 1
  local rcode = bit.band(flags, 15)
  local opcode = bit.band(bit.rshift(flags, 11), 15)
  local message = { id = u16(bytes, 1), is_response = flags >= 0x8000,
    opcode = OPCODES[opcode] or ("opcode %d"):format(opcode),
    rcode = RCODES[rcode] or ("rcode %d"):format(rcode),
    is_truncated = bit.band(flags, 0x200) ~= 0 }
  message.questions, at = read_list(bytes, at, u16(bytes, 5), read_question)
  for i, key in ipairs { "answers", "authorities", "additional" } do
    message[key] = {}
    if at then
      message[key], at = read_list(bytes, at, u16(bytes, 5 + 2 * i), read_record)
    end
  end
  message.error = not at and "malformed or cut short" or nil
  return message
end

return dns
