--- Packets over Ethernet with labels, tunnels, messages and odd headers, one of each kind.

local frames = require "spec.support.frames"
local messages = require "spec.support.messages"

local hex, u16, u32 = frames.hex, frames.u16, frames.u32

local function eth4(payload) return frames.ethernet(0x0800, payload) end
local function eth6(payload) return frames.ethernet(0x86dd, payload) end

-- From a port of its own to each: tshark takes what else comes from L2TP's for L2TP.
local function udp(port, payload)
  return eth4(frames.ipv4(17, frames.udp(payload, { dport = port, sport = 50000 + port % 10000 })))
end

local function routed(kind, left, rest, tcp)
  return eth6(frames.ipv6(43, "\6" .. string.char(#rest / 8, kind, left) .. rest .. tcp))
end

local tunnels = {}

local VENDORS = hex "0050569a0001 005056aabbcc" -- addresses of a known maker

local function labelled(whole4, whole6, inside)
  local bottom = hex "0001d140"
  return {
    ["MPLS"] = frames.ethernet(0x8847, bottom .. whole4),
    ["MPLS multicast, three labels, IPv6"] = frames.ethernet(0x8848,
      hex "00010040 0002a03f" .. bottom .. whole6),
    ["MPLS pseudowire with a control word"] = frames.ethernet(0x8847, bottom .. u32(7) .. inside),
    ["MPLS pseudowire without one"] = frames.ethernet(0x8847,
      bottom .. VENDORS .. hex "0800" .. whole4),
    ["MPLS pseudowire of a tag, without one"] = frames.ethernet(0x8847,
      bottom .. VENDORS .. hex "8100" .. frames.vlan(5, 0x0800, whole4)),
    ["MPLS pseudowire of LLC, without one"] = frames.ethernet(0x8847,
      bottom .. VENDORS .. u16(11 + 30) .. hex "aaaa03 000000 88cc" .. ("l"):rep(33)),
    ["MPLS pseudowire of LLDP, without one"] = frames.ethernet(0x8847,
      bottom .. VENDORS .. hex "88cc" .. ("l"):rep(46)),
    ["MPLS pseudowire of LLDP, with one"] = frames.ethernet(0x8847,
      bottom .. u32(7) .. hex "0180c200000e 06aabbccddee 88cc" .. ("l"):rep(46)),
    ["MPLS pseudowire of LLC, with one"] = frames.ethernet(0x8847,
      bottom .. u32(7) .. hex "0180c2000000 06aabbccddee" .. u16(38) .. hex "424203"
      .. ("\0"):rep(35)),
    ["MPLS OAM"] = frames.ethernet(0x8847, hex "0000e101 01" .. ("\0"):rep(43)),
    ["MPLS channel by its label"] = frames.ethernet(0x8847, hex "0000d101 00000021" .. whole4),
    ["MPLS associated channel"] = frames.ethernet(0x8847, bottom .. hex "10000021" .. whole4),
    ["MPLS in IP"] = eth4(frames.ipv4(137, bottom .. whole4)),
    ["MPLS in UDP"] = udp(6635, bottom .. whole6),
    ["802.1ah"] = frames.ethernet(0x88a8, frames.vlan(0x1064, 0x88e7, hex "30abcdef" .. inside)),
    ["TRILL"] = frames.ethernet(0x22f3, hex "083f 0001 0002" .. inside),
    ["TRILL with options"] = frames.ethernet(0x22f3, hex "0085 0001 0002 00000000 00000000"
      .. inside),
    ["FabricPath"] = frames.ethernet(0x8903, hex "0060" .. inside .. hex "11223344"),
    ["CMD"] = frames.ethernet(0x8909, hex "0101 0001 0064 0800" .. whole4),
    ["MACsec"] = frames.ethernet(0x88e5, hex "2100 00000007 020000000001 0001 0800" .. whole4
      .. ("i"):rep(16)),
    ["MACsec without an identifier"] = frames.ethernet(0x88e5, hex "0000 00000007 86dd" .. whole6
      .. ("i"):rep(16)),
    ["MACsec, encrypted"] = frames.ethernet(0x88e5, hex "2c00 00000007 020000000001 0001"
      .. ("e"):rep(60)),
    ["NSH"] = frames.ethernet(0x894f, hex "0fc6 0101 00030907" .. ("c"):rep(16) .. whole4),
    ["NSH of NSH"] = frames.ethernet(0x894f, hex "2fc3 0204 00030907 00000000"
      .. hex "0fc2 0203 000001ff" .. inside),
    ["NSH of labels"] = frames.ethernet(0x894f, hex "0fc2 0205 000001ff" .. bottom .. whole6),
    ["PPPoE discovery"] = frames.ethernet(0x8863, hex "1109 0000 0004 01010000"),
    ["PPPoE discovery with a session's code"] = frames.ethernet(0x8863, hex "1100 0000"
      .. u16(2 + #whole4) .. hex "0021" .. whole4),
    ["SNAP of IEEE 802.1H"] = frames.ethernet(8 + #whole4,
      hex "aaaa03 0000f8 0800" .. whole4),
    ["LLC of IP"] = frames.ethernet(3 + #whole4, hex "060603" .. whole4),
    ["VN-Tag"] = frames.ethernet(0x8926, hex "c0053007 8100" .. frames.vlan(9, 0x0800, whole4)),
  }
end

local function in_udp(whole4, whole6, inside)
  local session = hex "0085 01 10 09 00"
  return {
    ["GTP-U"] = udp(2152, hex "30ff" .. u16(#whole4) .. hex "00000042" .. whole4),
    ["GTP-U over IPv6, without a checksum"] = eth6(frames.ipv6(17, frames.udp(
      hex "30ff" .. u16(#whole4) .. hex "00000042" .. whole4, { dport = 2152, sum = false }))),
    ["GRE in UDP over IPv6, without a checksum"] = eth6(frames.ipv6(17, frames.udp(
      hex "0000 0800" .. whole4, { dport = 4754, sum = false }))),
    ["ESP in UDP over IPv6, without a checksum"] = eth6(frames.ipv6(17, frames.udp(
      hex "00000007 00000008 0011223344556677", { dport = 4500, sum = false }))),
    ["GTP-U with a sequence"] = udp(2152,
      hex "32ff" .. u16(4 + #whole6) .. hex "00000042 00070000" .. whole6),
    ["GTP-U with an extension"] = udp(2152,
      hex "34ff" .. u16(8 + #whole4) .. hex "00000042 0000" .. session .. whole4),
    ["GTP-U with two extensions"] = udp(2152,
      hex "34ff" .. u16(12 + #whole4) .. hex "00000042 00000085 011009c0 01000700" .. whole4),
    ["GTP-U with a sequence, an N-PDU and an extension"] = udp(2152,
      hex "37ff" .. u16(8 + #whole6) .. hex "00000042 000709c0 01123400" .. whole6),
    ["GTP-U of Ethernet"] = udp(2152, hex "30ff" .. u16(#inside) .. hex "00000042" .. inside),
    ["GTP-U echo"] = udp(2152, hex "3201 0004 00000000 00070000"),
    ["Teredo"] = udp(3544, whole6),
    ["Teredo with an origin"] = udp(3544, hex "0000 63bf f5fffffe" .. whole6),
    ["Teredo with authentication and origin"] = udp(3544,
      hex "0001 0202 aaaa bbbb 1122334455667788 00 0000 63bf f5fffffe" .. whole6),
    ["AYIYA"] = udp(5072, hex "4211 11 29 00000001" .. ("i"):rep(16) .. ("s"):rep(4) .. whole6),
    ["LISP"] = udp(4341, hex "88123456 0000aa01" .. whole4),
    ["LISP of IPv6"] = udp(4341, hex "00000000 00000000" .. whole6),
    ["VXLAN-GPE"] = udp(4790, hex "0c000001 00abcd00" .. whole4),
    ["VXLAN-GPE of Ethernet"] = udp(4790, hex "0c000003 00abcd00" .. inside),
    ["VXLAN-GPE of NSH"] = udp(4790, hex "0c000004 00abcd00 0fc2 0201 000001ff" .. whole4),
    ["GRE in UDP"] = udp(4754, hex "0000 0800" .. whole4),
    ["ESP in UDP"] = udp(4500, hex "00000007 00000008 0011223344556677"),
    ["WireGuard"] = udp(51820, hex "04000000 78563412 0900000000000000" .. ("e"):rep(16)),
    ["WireGuard data of an odd length"] = udp(51820,
      hex "04000000 78563412 0900000001000000" .. ("e"):rep(19)),
    ["WireGuard initiation with reserved bytes"] = udp(51820,
      hex "01112233 78563412" .. ("e"):rep(140)),
    ["WireGuard initiation"] = udp(51820, hex "01000000 78563412" .. ("e"):rep(140)),
    ["WireGuard response"] = udp(51820, hex "02000000 78563412 01000000" .. ("e"):rep(80)),
    ["WireGuard cookie"] = udp(51820, hex "03000000 78563412" .. ("e"):rep(56)),
    ["L2TP"] = udp(1701, hex "0002 0007 0008 ff03 0021" .. whole4),
    ["L2TP with all it may have"] = udp(1701, hex "4a02" .. u16(16 + 4 + #whole6)
      .. hex "0007 0008 0001 0002 0002 0000 ff03 0057" .. whole6),
    ["L2TP control"] = udp(1701, hex "c802 000c 0007 0000 0001 0002"),
    ["L2TPv3 control"] = udp(1701, hex "c803 000c 00000007 0001 0002"),
    ["VXLAN in VXLAN"] = udp(4789, hex "08000000 00000100" .. udp(4789,
      hex "08000000 00000200" .. inside)),
  }
end

local function in_ip(whole4, whole6, inside)
  return {
    ["ESP"] = eth4(frames.ipv4(50, hex "00000007 00000008 0011223344556677")),
    ["EtherIP"] = eth4(frames.ipv4(97, hex "3000" .. inside)),
    ["NVGRE"] = eth4(frames.ipv4(47, hex "2000 6558 00abcd07" .. inside)),
    ["ERSPAN I"] = eth4(frames.ipv4(47, hex "0000 88be" .. inside)),
    ["ERSPAN II"] = eth4(frames.ipv4(47, hex "1000 88be 00000009 1064 2c07 00012345" .. inside)),
    ["ERSPAN III"] = eth4(frames.ipv4(47,
      hex "1000 22eb 00000009 2064 2c07 11223344 0042 0068" .. inside)),
    ["ERSPAN III with a platform's header"] = eth4(frames.ipv4(47,
      hex "1000 22eb 00000009 2064 2c07 11223344 0042 0069 0c000000 00000000" .. inside)),
    ["ERSPAN III of a frame that has no known type"] = eth4(frames.ipv4(47,
      hex "1000 22eb 00000009 2064 2c07 11223344 0042 1c68" .. inside)),
    ["GRE with a checksum"] = eth4(frames.ipv4(47, hex "8000 86dd 1234 0000" .. whole6)),
    ["MPLS in GRE"] = eth4(frames.ipv4(47, hex "0000 8847 00010140" .. whole4)),
    ["GRE with source routes"] = eth4(frames.ipv4(47,
      hex "e000 0800 1234 0000 00000007 0800 0408 0a010203 0a010204 00000000" .. whole4)),
    ["GRE of version 1 without PPP"] = eth4(frames.ipv4(47, hex "2001 0800 00000007" .. whole4)),
    ["PIM register"] = eth4(frames.ipv4(103, hex "2100deff 00000000" .. whole4)),
    ["PIM register of IPv6"] = eth4(frames.ipv4(103, hex "21009eff 40000000" .. whole6)),
    ["PIM hello"] = eth4(frames.ipv4(103, hex "2000ddfb 00010002 0069")),
    ["WCCP in GRE"] = eth4(frames.ipv4(47, hex "0000 883e 01000000" .. whole4)),
    ["WCCP in GRE, version 1"] = eth4(frames.ipv4(47, hex "0000 883e" .. whole4)),
    ["Ethernet in IPv6"] = eth6(frames.ipv6(143, inside)),
    ["Ethernet by its EtherType"] = frames.ethernet(0x6558, inside),
    ["Ethernet in LLC"] = frames.ethernet(10 + #inside, hex "aaaa03 0080c2 0007 0000" .. inside),
    ["IPX without LLC"] = frames.ethernet(34, hex "ffff 0022 0004" .. ("\0"):rep(28)),
    ["IPv6 by IPv4's number"] = eth4(frames.ipv4(4, whole6)),
    ["three levels of IP"] = eth6(frames.ipv6(41, frames.ipv6(4, whole4))),
    ["four levels"] = eth4(frames.ipv4(47, hex "0000 0800" .. frames.ipv4(4, frames.ipv4(41,
      whole6)))),
  }
end

local function routes()
  local last, other = hex "20010db8000200000000000000000099", hex "20010db8000300000000000000000077"
  local to_last = frames.tcp("hello", { v6 = true, dst = last })
  local to_next = frames.tcp("hello", { v6 = true })
  local home = hex "20010db8000400000000000000000044"
  local from_home = frames.tcp("hello", { v6 = true, src = home })
  local option = hex "0602 0102 0000 c910" .. home
  local rpl = frames.tcp("hello", { v6 = true, dst = frames.DST6:sub(1, 8) .. last:sub(9) })
  local four = { options = hex "01 83 07 04 cb007105" }
  return {
    ["IPv6 source route"] = routed(0, 2, u32(0) .. other .. last, to_last),
    ["IPv6 source route at its end"] = routed(0, 0, u32(0) .. other .. last, to_next),
    ["IPv6 source route, wrong checksum"] = routed(0, 2, u32(0) .. other .. last, to_next),
    ["IPv6 route of mobility"] = routed(2, 1, u32(0) .. last, to_last),
    ["IPv6 route of mobility, two addresses"] = routed(2, 1, u32(0) .. last .. other, to_last),
    ["IPv6 segments"] = routed(4, 1, hex "01000000" .. last .. other, to_last),
    ["IPv6 route of RPL"] = routed(3, 1, hex "88000000" .. last:sub(9), rpl),
    ["IPv6 route of RPL, with room to spare"] = routed(3, 1, hex "89000000" .. last:sub(9, 15)
      .. "\0", frames.tcp("hello", { v6 = true, dst = frames.DST6:sub(1, 9) .. last:sub(9, 15) })),
    ["IPv6 route of no known type"] = routed(253, 1, u32(0) .. last, to_next),
    ["IPv6 home address"] = eth6(frames.ipv6(60, option .. from_home)),
    ["IPv6 home address, wrong checksum"] = eth6(frames.ipv6(60, option .. to_next)),
    ["IPv6 binding update"] = eth6(frames.ipv6(135,
      hex "3b 01 05 00 1234 0007 c000 0009 01020000")),
    ["IPv6 binding acknowledgement"] = eth6(frames.ipv6(135,
      hex "3b 01 06 00 1234 80 80 0007 0009 01020000")),
    ["IPv6 binding update by an older number"] = eth6(frames.ipv6(62,
      hex "3b 01 05 00 1234 0007 c000 0009 01020000")),
    ["IPv4 source route with a wrong pointer"] = eth4(frames.ipv4(6, frames.tcp("hello"),
      { options = hex "01 83 07 03 cb007105" })),
    ["IPv4 source route"] = eth4(frames.ipv4(6,
      frames.tcp("hello", { dst = hex "cb007105" }), four)),
  }
end

--- One packet of each, by name.
function tunnels.kinds()
  local whole4 = frames.ipv4(6, frames.tcp("hello"))
  local whole6 = frames.ipv6(6, frames.tcp("hello", { v6 = true }))
  local inside = eth4(whole4)
  local all = {}
  for _, part in ipairs { labelled(whole4, whole6, inside), in_udp(whole4, whole6, inside),
    in_ip(whole4, whole6, inside), routes(), messages.kinds(whole4, whole6) } do
    for name, bytes in pairs(part) do
      all[name] = bytes
    end
  end
  return all
end

return tunnels
