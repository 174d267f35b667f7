--- Messages of ICMP, ICMPv6 and IGMP over Ethernet, one of each kind.

local frames = require "spec.support.frames"

local hex, u16, u32 = frames.hex, frames.u16, frames.u32

local function eth4(payload) return frames.ethernet(0x0800, payload) end
local function eth6(payload) return frames.ethernet(0x86dd, payload) end

local messages = {}

local function groups()
  local one, two = hex "e0000101", hex "ef010203"
  local function igmp(bytes)
    local sum = u16(frames.sum(bytes))
    return eth4(frames.ipv4(2, bytes:sub(1, 2) .. sum .. bytes:sub(5)))
  end
  return {
    ["IGMPv1 query"] = igmp(hex "11 00 0000 00000000"),
    ["IGMPv2 query"] = igmp(hex "11 64 0000" .. one),
    ["IGMPv3 query"] = igmp(hex "11 64 0000" .. one .. hex "0a 7d 0002" .. frames.SRC4
      .. frames.DST4),
    ["IGMPv1 report"] = igmp(hex "12 00 0000" .. one),
    ["IGMPv2 report"] = igmp(hex "16 00 0000" .. one),
    ["IGMP leave"] = igmp(hex "17 00 0000" .. one),
    ["IGMPv3 report"] = igmp(hex "22 00 0000 0000 0002 04 00 0000" .. one
      .. hex "01 00 0002" .. two .. frames.SRC4 .. frames.DST4),
    ["IGMP of a route's trace"] = igmp(hex "1f 01 0000" .. one .. ("r"):rep(16)),
    ["IGMP with a wrong checksum"] = eth4(frames.ipv4(2, hex "16 00 0000" .. one)),
  }
end

local function discovery()
  local target = frames.DST6
  local link, to_link = hex "01 01 06aabbccddee", hex "02 01 02005e100001"
  local prefix = hex "03 04 40 c0 00015180 00003840 00000000" .. target
  local function ndp(kind, rest)
    return eth6(frames.ipv6(58, frames.icmpv6(kind, 0, rest), { hops = 255 }))
  end
  local quote = frames.ipv6(17, frames.udp("quoted", { v6 = true })) .. ("\0"):rep(2)
  return {
    ["NDP router solicitation"] = ndp(133, u32(0) .. link),
    ["NDP router advertisement"] = ndp(134, hex "40 c0 0708 00007530 000003e8" .. link
      .. hex "05 01 0000 000005dc" .. prefix),
    ["NDP solicitation"] = ndp(135, u32(0) .. target .. link),
    ["NDP advertisement"] = ndp(136, u32(0xe0000000) .. target .. to_link),
    ["NDP redirect"] = ndp(137, u32(0) .. frames.SRC6 .. target .. to_link
      .. hex "04" .. string.char((8 + #quote) / 8) .. hex "0000 00000000" .. quote),
  }
end

local function quotes(whole4, whole6)
  local function icmp(kind, code, rest, quote)
    return eth4(frames.ipv4(1, frames.icmp(kind, code, rest .. quote)))
  end
  local function icmpv6(kind, rest, quote, code)
    return eth6(frames.ipv6(58, frames.icmpv6(kind, code or 0, rest .. quote)))
  end
  local udp4, udp6 = frames.ipv4(17, frames.udp("quoted")),
    frames.ipv6(17, frames.udp("quoted", { v6 = true }))
  local sctp = frames.ipv4(132, hex "1388 1389 cafef00d 00000000")
  return {
    ["ICMP unreachable that quotes TCP in part"] = icmp(3, 1, u32(0), whole4:sub(1, 28)),
    ["ICMP unreachable, fragmentation needed"] = icmp(3, 4, hex "000005dc", whole4),
    ["ICMP redirect"] = icmp(5, 1, frames.SRC4, whole4),
    ["ICMP time exceeded"] = icmp(11, 0, u32(0), whole4:sub(1, 28)),
    ["ICMP that quotes a tunnel"] = icmp(11, 0, u32(0), frames.ipv4(4, whole4)),
    ["ICMPv6 unreachable"] = icmpv6(1, u32(0), whole6),
    ["ICMPv6 too big"] = icmpv6(2, u32(1280), whole6),
    ["ICMP port unreachable"] = icmp(3, 3, u32(0), udp4),
    ["ICMP port of SCTP unreachable"] = icmp(3, 3, u32(0), sctp),
    ["ICMP unreachable of no known code"] = icmp(3, 16, u32(0), udp4),
    ["ICMP redirect of no known code"] = icmp(5, 4, frames.SRC4, udp4),
    ["ICMP time exceeded of no known code"] = icmp(11, 2, u32(0), udp4),
    ["ICMP parameter problem"] = icmp(12, 0, hex "14000000", udp4),
    ["ICMP parameter problem of another code"] = icmp(12, 1, hex "14000000", udp4),
    ["ICMP router solicitation"] = icmp(10, 0, u32(0), ""),
    ["ICMP information request"] = icmp(15, 0, hex "00070008", ""),
    ["ICMP information reply"] = icmp(16, 0, hex "00070008", ""),
    ["ICMP of no known type"] = icmp(30, 0, u32(0), ""),
    ["ICMPv6 prohibited"] = icmpv6(1, u32(0), udp6, 1),
    ["ICMPv6 beyond scope"] = icmpv6(1, u32(0), udp6, 2),
    ["ICMPv6 address unreachable"] = icmpv6(1, u32(0), udp6, 3),
    ["ICMPv6 port unreachable"] = icmpv6(1, u32(0), udp6, 4),
    ["ICMPv6 reassembly"] = icmpv6(3, u32(0), udp6, 1),
    ["ICMPv6 parameter problem"] = icmpv6(4, u32(40), udp6, 0),
    ["ICMPv6 parameter problem, next header"] = icmpv6(4, u32(6), udp6, 1),
    ["ICMPv6 parameter problem, option"] = icmpv6(4, u32(42), udp6, 2),
    ["ICMPv6 parameter problem, chain"] = icmpv6(4, u32(42), udp6, 3),
    ["ICMPv6 of type 0"] = icmpv6(0, u32(0), udp6),
    ["ICMPv6 of no known type"] = icmpv6(220, u32(0), ""),
    ["ICMPv6 listener report"] = icmpv6(143, hex "0000 0001 0400 0000", frames.DST6),
    ["ICMPv6 time exceeded"] = icmpv6(3, u32(0), whole6),
  }
end

--- One packet of each, by name. `whole4` and `whole6` are packets that errors quote.
function messages.kinds(whole4, whole6)
  local all = {}
  for _, part in ipairs { groups(), discovery(), quotes(whole4, whole6) } do
    for name, bytes in pairs(part) do
      all[name] = bytes
    end
  end
  return all
end

return messages
