--- Packets built header by header, independently of the decoder under test.

local frames = {}

local function u8(n) return string.char(n % 256) end
local function u16(n) return u8(math.floor(n / 256)) .. u8(n) end
local function u32(n) return u16(math.floor(n / 65536)) .. u16(n % 65536) end

frames.u16, frames.u32 = u16, u32

--- Bytes of hexadecimal digits; what is not one is left out.
function frames.hex(text)
  return (text:gsub("[^%x]", ""):gsub("%x%x", function(pair)
    return string.char(tonumber(pair, 16))
  end))
end

local hex = frames.hex

--- The internet checksum of a string, done with plain arithmetic.
function frames.sum(bytes)
  local sum = 0
  if #bytes % 2 == 1 then
    bytes = bytes .. "\0"
  end
  for i = 1, #bytes, 2 do
    local high, low = bytes:byte(i, i + 1)
    sum = sum + high * 256 + low
  end
  while sum > 65535 do
    sum = sum % 65536 + math.floor(sum / 65536)
  end
  return 65535 - sum
end

-- Puts the checksum of `over` and the header into the header, two bytes after `at`.
local function seal(bytes, at, over)
  local sum = frames.sum((over or "") .. bytes)
  return bytes:sub(1, at) .. u16(sum) .. bytes:sub(at + 3)
end

frames.SRC4, frames.DST4 = hex "c0 00 02 07", hex "c6 33 64 c8"
frames.SRC6 = hex "2001 0db8 0000 0000 0000 00ff fe00 0042"
frames.DST6 = hex "2001 0db8 0001 0000 0000 0000 0000 0001"

function frames.ethernet(ethertype, payload)
  return hex "02 00 5e 10 00 01 06 aa bb cc dd ee" .. u16(ethertype) .. payload
end

function frames.vlan(tci, ethertype, payload)
  return u16(tci) .. u16(ethertype) .. payload
end

--- Options: src, dst, options, id, flags (the 16 bits of flags and offset), ttl, tos, length.
function frames.ipv4(proto, payload, o)
  o = o or {}
  local options = o.options or ""
  local size = 20 + #options
  local header = u8(0x40 + size / 4) .. u8(o.tos or 0) .. u16(o.length or size + #payload)
    .. u16(o.id or 0x1234) .. u16(o.flags or 0x4000) .. u8(o.ttl or 64) .. u8(proto) .. u16(0)
    .. (o.src or frames.SRC4) .. (o.dst or frames.DST4) .. options
  return seal(header, 10) .. payload
end

--- Options: src, dst, hops, class, flow, length.
function frames.ipv6(next_header, payload, o)
  o = o or {}
  return u32(0x60000000 + (o.class or 0) * 2 ^ 20 + (o.flow or 0))
    .. u16(o.length or #payload) .. u8(next_header) .. u8(o.hops or 64)
    .. (o.src or frames.SRC6) .. (o.dst or frames.DST6) .. payload
end

local function pseudo(proto, segment, o)
  if o.v6 then
    return (o.src or frames.SRC6) .. (o.dst or frames.DST6) .. u32(#segment) .. u32(proto)
  end
  return (o.src or frames.SRC4) .. (o.dst or frames.DST4) .. u16(proto) .. u16(#segment)
end

--- Options: sport, dport, seq, ack, flags, window, urgent, options; v6, src, dst (for the sum).
function frames.tcp(payload, o)
  o = o or {}
  local options = o.options or ""
  local segment = u16(o.sport or 49152) .. u16(o.dport or 80) .. u32(o.seq or 0xfedcba98)
    .. u32(o.ack or 0x89abcdef) .. u16((5 + #options / 4) * 4096 + (o.flags or 0x18))
    .. u16(o.window or 501) .. u16(0) .. u16(o.urgent or 0) .. options .. payload
  return seal(segment, 16, pseudo(6, segment, o))
end

--- Options: sport, dport, length, sum (false: none); v6, src, dst.
function frames.udp(payload, o)
  o = o or {}
  local segment = u16(o.sport or 40000) .. u16(o.dport or 40001)
    .. u16(o.length or 8 + #payload) .. u16(0) .. payload
  return o.sum == false and segment or seal(segment, 6, pseudo(17, segment, o))
end

function frames.icmp(kind, code, rest)
  return seal(u8(kind) .. u8(code) .. u16(0) .. rest, 2)
end

function frames.icmpv6(kind, code, rest)
  local message = u8(kind) .. u8(code) .. u16(0) .. rest
  return seal(message, 2, pseudo(58, message, { v6 = true }))
end

function frames.arp(opcode)
  return hex "0001 0800 06 04" .. u16(opcode) .. hex "06aabbccddee" .. frames.SRC4
    .. hex "02005e100001" .. frames.DST4
end

local function eth4(payload) return frames.ethernet(0x0800, payload) end
local function eth6(payload) return frames.ethernet(0x86dd, payload) end

local ECHO = u16(0xbeef) .. u16(7) .. "abcdefgh"

--- One packet of each kind that is decoded over Ethernet, by name.
function frames.kinds()
  local tcp, udp = frames.tcp("hello"), frames.udp("hi")
  local tcp6 = frames.tcp("hello", { v6 = true })
  local whole4, whole6 = frames.ipv4(6, tcp), frames.ipv6(6, tcp6)
  local hop = hex "06 00 01 04 00 00 00 00"
  return {
    ["TCP"] = eth4(whole4),
    ["TCP without data, padded"] = eth4(frames.ipv4(6, frames.tcp("")) .. ("\0"):rep(6)),
    ["TCP with all flags"] = eth4(frames.ipv4(6, frames.tcp("x", { flags = 0xff, urgent = 1 }))),
    ["TCP with options"] = eth4(frames.ipv4(6, frames.tcp("", { flags = 2, options =
      hex "020405b4 0402 080a 11223344 55667788 01 030307" }))),
    ["TCP with SACK"] = eth4(frames.ipv4(6, frames.tcp("", { options =
      hex "01 01 05 12 00000010 00000020 f0000030 f0000040" }))),
    ["TCP with a wrong checksum"] = eth4(frames.ipv4(6, tcp:sub(1, -2) .. "!")),
    ["IPv4 with options"] = eth4(frames.ipv4(17, udp, { options = hex "94040000", tos = 0xb9 })),
    ["IPv4 with a wrong checksum"] = eth4("\69\1" .. frames.ipv4(17, udp):sub(3)),
    ["IPv4 of no known protocol"] = eth4(frames.ipv4(253, "whatever")),
    ["IPv4 without a length"] = eth4(frames.ipv4(6, tcp, { length = 0 })),
    ["UDP"] = eth4(frames.ipv4(17, udp)),
    ["UDP without a checksum"] = eth4(frames.ipv4(17, frames.udp("hi", { sum = false }))),
    ["UDP with a wrong checksum"] = eth4(frames.ipv4(17, frames.udp("ho"):sub(1, -2) .. "i")),
    ["UDP of odd length, padded"] = eth4(frames.ipv4(17, frames.udp("odd")) .. "\1\2\3"),
    ["first fragment"] = eth4(frames.ipv4(17, frames.udp(("f"):rep(16), { length = 1400 }),
      { flags = 0x2000 })),
    ["later fragment"] = eth4(frames.ipv4(17, ("f"):rep(16), { flags = 0x20b9 })),
    ["last fragment"] = eth4(frames.ipv4(6, ("f"):rep(16), { flags = 0x0172 })),
    ["ICMP echo"] = eth4(frames.ipv4(1, frames.icmp(8, 0, ECHO))),
    ["ICMP echo reply"] = eth4(frames.ipv4(1, frames.icmp(0, 0, ECHO))),
    ["ICMP with a wrong checksum"] = eth4(frames.ipv4(1, frames.icmp(8, 0, ECHO) .. "!")),
    ["ICMP unreachable"] = eth4(frames.ipv4(1, frames.icmp(3, 3, u32(0) .. frames.ipv4(17, udp)))),
    ["SCTP"] = eth4(frames.ipv4(132, u16(5000) .. u16(5001) .. u32(0xcafef00d) .. u32(0)
      .. hex "0e000004")),
    ["ARP request"] = frames.ethernet(0x0806, frames.arp(1)),
    ["ARP reply, padded"] = frames.ethernet(0x0806, frames.arp(2) .. ("\0"):rep(18)),
    ["802.1Q"] = frames.ethernet(0x8100, frames.vlan(0x6123, 0x0800, whole4)),
    ["802.1ad"] = frames.ethernet(0x88a8, frames.vlan(0x1064,
      0x8100, frames.vlan(0xafff, 0x86dd, whole6))),
    ["802.1Q in the older outer tag"] = frames.ethernet(0x9100, frames.vlan(9, 0x8100,
      frames.vlan(10, 0x0800, whole4))),
    ["three tags"] = frames.ethernet(0x8100, frames.vlan(1, 0x8100,
      frames.vlan(2, 0x8100, frames.vlan(3, 0x0800, whole4)))),
    ["LLC"] = frames.ethernet(4, hex "42 42 03 00" .. ("\0"):rep(42)),
    ["SNAP"] = frames.ethernet(8 + #whole4, hex "aaaa03 000000 0800" .. whole4),
    ["IPv6 TCP"] = eth6(whole6),
    ["IPv6 UDP"] = eth6(frames.ipv6(17, frames.udp("six", { v6 = true }),
      { class = 0x2e, flow = 0xabcde, hops = 1 })),
    ["IPv6 UDP with a wrong checksum"] = eth6(frames.ipv6(17, frames.udp("six"))),
    ["IPv6, padded"] = eth6(whole6 .. "\0\0\0\0"),
    ["ICMPv6 echo"] = eth6(frames.ipv6(58, frames.icmpv6(128, 0, ECHO))),
    ["ICMPv6 solicitation"] = eth6(frames.ipv6(58, frames.icmpv6(135, 0, u32(0) .. frames.DST6))),
    ["ICMPv6 with a wrong checksum"] = eth6(frames.ipv6(58, frames.icmpv6(129, 0, ECHO) .. "!")),
    ["IPv6 hop-by-hop"] = eth6(frames.ipv6(0, hop .. tcp6)),
    ["IPv6 three extensions"] = eth6(frames.ipv6(0, hex "2b 00 01 04 00 00 00 00"
      .. hex "3c 02 02 00 00 00 00 00" .. frames.DST6
      .. hex "06 00 01 04 00 00 00 00" .. tcp6)),
    ["IPv6 first fragment"] = eth6(frames.ipv6(44, hex "11 00 0001 00c0ffee"
      .. frames.udp(("f"):rep(16), { length = 1400 }))),
    ["IPv6 later fragment"] = eth6(frames.ipv6(44, hex "11 00 0549 00c0ffee" .. ("f"):rep(16))),
    ["IPv6 without next header"] = eth6(frames.ipv6(59, "")),
    ["IPv6 authenticated"] = eth6(frames.ipv6(51, hex "06 04 0000 00000001 00000002"
      .. ("i"):rep(12) .. tcp6)),
    ["IPv4 in IPv4"] = eth4(frames.ipv4(4, frames.ipv4(6, tcp, { ttl = 9 }))),
    ["IPv6 in IPv4"] = eth4(frames.ipv4(41, whole6)),
    ["IPv4 in IPv6"] = eth6(frames.ipv6(4, whole4)),
    ["IPv6 in IPv6"] = eth6(frames.ipv6(41, whole6)),
    ["GRE"] = eth4(frames.ipv4(47, hex "0000 0800" .. whole4)),
    ["GRE with all it may have"] = eth4(frames.ipv4(47,
      hex "b000 86dd 0000 0000 deadbeef 00000009" .. whole6)),
    ["GRE bridged"] = eth4(frames.ipv4(47, hex "2000 6558 00000005" .. eth4(whole4))),
    ["PPTP"] = eth4(frames.ipv4(47, hex "3081 880b" .. u16(4 + #whole4)
      .. hex "0007 00000001 00000002 ff03 0021" .. whole4)),
    ["VXLAN"] = eth4(frames.ipv4(17, frames.udp(hex "08000000 00abcd00" .. eth4(whole4),
      { dport = 4789 }))),
    ["VXLAN of a tagged frame"] = eth4(frames.ipv4(17, frames.udp(hex "08000000 00000100"
      .. frames.ethernet(0x8100, frames.vlan(5, 0x86dd, whole6)), { dport = 4789 }))),
    ["Geneve"] = eth4(frames.ipv4(17, frames.udp(hex "01006558 00004200 01020300"
      .. eth4(whole4), { dport = 6081 }))),
    ["VXLAN over IPv6, without a checksum"] = eth6(frames.ipv6(17, frames.udp(
      hex "08000000 00abcd00" .. eth4(whole4), { dport = 4789, sum = false, v6 = true }))),
    ["IPv6 authenticated, with options behind"] = eth6(frames.ipv6(51,
      hex "3c 04 0000 00000001 00000002" .. ("i"):rep(12) .. hop .. tcp6)),
    ["IPv6 of no length, padded"] = eth6(frames.ipv6(59, "") .. ("\0"):rep(6)),
    ["an EtherType just above the lengths"] = frames.ethernet(1501,
      hex "aaaa03 000000 0800" .. whole4),
    ["two tags, PPPoE and IPv6"] = frames.ethernet(0x88a8, frames.vlan(1, 0x8100, frames.vlan(2,
      0x8864, hex "1100 0042" .. u16(2 + #whole6) .. hex "0057" .. whole6))),
    ["PPPoE"] = frames.ethernet(0x8864, hex "1100 0042" .. u16(2 + #whole4) .. hex "0021"
      .. whole4 .. "\0\0"),
  }
end

--- IPv6 with so many headers of destination options, and TCP.
function frames.high_stack(count)
  local options = {}
  for i = 1, count do
    options[i] = u8(i == count and 6 or 60) .. hex "00 01 04 00000000"
  end
  return eth6(frames.ipv6(60, table.concat(options) .. frames.tcp("hello", { v6 = true })))
end

--- Packets over Ethernet whose lengths are wrong, by name.
function frames.misfits()
  local tcp, tcp6 = frames.tcp("hello"), frames.tcp("hello", { v6 = true })
  return {
    ["IPv4 total length above what there is"] = eth4(frames.ipv4(6, tcp, { length = 400 })),
    ["IPv6 TCP of no length"] = eth6(frames.ipv6(6, tcp6, { length = 0 })),
    ["UDP of no length"] = eth4(frames.ipv4(17, frames.udp("hi", { length = 0 }))),
    ["UDP length below the header's"] = eth4(frames.ipv4(17, frames.udp("hi", { length = 5 }))),
    ["UDP length above what there is"] = eth4(frames.ipv4(17, frames.udp("hi", { length = 50 }))),
  }
end

--- The same two IP packets under every link layer: a list of {linktype, name, bytes}.
function frames.links()
  local four, six = frames.ipv4(6, frames.tcp("hello")), frames.ipv6(6,
    frames.tcp("hello", { v6 = true }))
  local address = hex "0000 0001 0006 06aabbccddee 0000"
  local address2 = hex "0001 00 06 06aabbccddee 0000"
  return {
    { 0, "NULL, little-endian", hex "02000000" .. four },
    { 0, "NULL, big-endian", hex "00000002" .. four },
    { 0, "NULL, IPv6 of FreeBSD", hex "1c000000" .. six },
    { 0, "NULL, IPv6 of macOS", hex "1e000000" .. six },
    { 108, "LOOP", hex "00000002" .. four },
    { 108, "LOOP, IPv6 of OpenBSD", hex "00000018" .. six },
    { 101, "RAW", four },
    { 101, "RAW, IPv6", six },
    { 228, "IPV4", four },
    { 229, "IPV6", six },
    { 9, "PPP", hex "0021" .. four },
    { 9, "PPP with address and control", hex "ff03 0057" .. six },
    { 50, "PPP_SERIAL", hex "ff03 0021" .. four },
    { 50, "PPP_SERIAL with Cisco's HDLC", hex "0f00 0800" .. four },
    { 104, "C_HDLC", hex "0f00 0800" .. four },
    { 104, "C_HDLC, IPv6, broadcast", hex "8f00 86dd" .. six },
    { 113, "LINUX_SLL", address .. hex "0800" .. four },
    { 113, "LINUX_SLL, IPv6", address .. hex "86dd" .. six },
    { 113, "LINUX_SLL, 802.1Q", address .. hex "8100" .. frames.vlan(77, 0x0800, four) },
    { 276, "LINUX_SLL2", hex "0800 0000 00000003" .. address2 .. four },
    { 276, "LINUX_SLL2, IPv6", hex "86dd 0000 00000003" .. address2 .. six },
  }
end

return frames
