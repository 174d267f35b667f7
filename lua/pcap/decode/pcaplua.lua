--- pcaplua's four functions: a header's fields in a table, by pcaplua's names, from a string.

local ffi = require "ffi"
local check = require "pcap.core.check"

local ethernet = require("pcap.decode.ethernet").view()
local ipv4 = require("pcap.decode.ipv4").view()
local tcp = require("pcap.decode.tcp").view()
local udp = require("pcap.decode.udp").view()

local classic = {}

local function short(name, needed, bytes)
  return nil, ("%s header of %d bytes in a packet of %d"):format(name, needed, #bytes)
end

-- Copies the header into the view, and the view's fields into the table. `content` is what follows
-- the header, up to `stop` or to the end of the string.
local function fill(into, header, keys, bytes, size, stop)
  ffi.copy(header.bytes, bytes, size)
  into = into or {}
  for i = 1, #keys do
    into[keys[i]] = header[keys[i]]
  end
  into.content = bytes:sub(size + 1, stop)
  return into
end

local ETHERNET = { "type" }

--- Decodes an Ethernet header.
---@param bytes string  as cap:next() gives it
---@param into? table   filled and returned in place of a new table; other keys stay
---@return table|nil header  dst, src (six bytes each: decode.text() makes text of them), type,
--- content (with the padding: only the next header tells it from the rest)
---@return string|nil message  if there are fewer than 14 bytes
function classic.decode_ethernet(bytes, into)
  check.bytes(bytes, 1, "decode_ethernet")
  if into ~= nil then check.table(into, 2, "decode_ethernet") end
  if #bytes < 14 then
    return short("ethernet", 14, bytes)
  end
  into = fill(into, ethernet, ETHERNET, bytes, 14, #bytes)
  into.dst, into.src = ethernet.dst_bytes, ethernet.src_bytes
  return into
end

local IP = { "version", "header_size", "ToS", "total_length", "id", "dont_fragment",
  "more_fragments", "fragment_offset", "ttl", "proto", "checksum", "src", "dst" }

--- Decodes an IPv4 header.
---@param bytes string  what decode_ethernet gives as content
---@param into? table   filled and returned in place of a new table; other keys stay
---@return table|nil header  version, header_size (bytes), ToS, total_length (bytes), id,
--- dont_fragment, more_fragments (booleans), fragment_offset (in units of 8 bytes), ttl, proto,
--- checksum, src, dst (text), content (without options and padding)
---@return string|nil message  if the bytes are too few, or not IPv4
function classic.decode_ip(bytes, into)
  check.bytes(bytes, 1, "decode_ip")
  if into ~= nil then check.table(into, 2, "decode_ip") end
  if #bytes < 20 then
    return short("ip", 20, bytes)
  end
  local first, _, high, low = bytes:byte(1, 4)
  local size, total = first % 16 * 4, high * 256 + low
  if math.floor(first / 16) ~= 4 then
    return nil, ("not an IPv4 packet: version %d"):format(math.floor(first / 16))
  elseif size < 20 then
    return nil, ("ip header size of %d is less than 20"):format(size)
  elseif #bytes < size then
    return short("ip", size, bytes)
  elseif total ~= 0 and total < size then
    return nil, ("ip total length of %d is less than the header's %d"):format(total, size)
  end
  -- If a network card does the segmentation, it may be zero: that means all that there is.
  return fill(into, ipv4, IP, bytes, size, total == 0 and #bytes or total)
end

local TCP = { "source_port", "dest_port", "seq_num", "ack", "offset", "f_fin", "f_syn", "f_reset",
  "f_push", "f_ack", "f_urg", "window", "checksum", "urgent_pointer" }

--- Decodes a TCP header.
---@param bytes string  what decode_ip gives as content
---@param into? table   filled and returned in place of a new table; other keys stay
---@return table|nil header  source_port, dest_port, seq_num, ack, offset (bytes), f_fin, f_syn,
--- f_reset, f_push, f_ack, f_urg (booleans), window, checksum, urgent_pointer, content (without
--- options)
---@return string|nil message  when the bytes are too few
function classic.decode_tcp(bytes, into)
  check.bytes(bytes, 1, "decode_tcp")
  if into ~= nil then check.table(into, 2, "decode_tcp") end
  if #bytes < 20 then
    return short("tcp", 20, bytes)
  end
  local size = math.floor(bytes:byte(13) / 16) * 4
  if size < 20 then
    return nil, ("tcp data offset of %d is less than 20"):format(size)
  elseif #bytes < size then
    return short("tcp", size, bytes)
  end
  return fill(into, tcp, TCP, bytes, size, #bytes)
end

local UDP = { "source_port", "dest_port", "length", "checksum" }

--- Decodes a UDP header.
---@param bytes string  what decode_ip gives as content
---@param into? table   filled and returned in place of a new table; other keys stay
---@return table|nil header  source_port, dest_port, length (bytes), checksum, content
---@return string|nil message  when the bytes are too few
function classic.decode_udp(bytes, into)
  check.bytes(bytes, 1, "decode_udp")
  if into ~= nil then check.table(into, 2, "decode_udp") end
  if #bytes < 8 then
    return short("udp", 8, bytes)
  end
  local high, low = bytes:byte(5, 6)
  local length = high * 256 + low
  if length ~= 0 and length < 8 then
    return nil, ("udp length of %d is less than the header's 8"):format(length)
  end
  -- Zero: the datagram is too long for the field (RFC 2675). It is all that there is.
  return fill(into, udp, UDP, bytes, 8, length == 0 and #bytes or length)
end

return classic
