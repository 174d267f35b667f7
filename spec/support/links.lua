--- Packets under the link layers that frames.links() has not: a list of {linktype, name, bytes}.

local frames = require "spec.support.frames"

local hex, u16 = frames.hex, frames.u16

local SNAP = hex "aaaa03 000000 0800"
local A1, A2, A3, A4 = hex "020000000011", hex "020000000022", hex "020000000033",
  hex "020000000044"
local FCS = hex "11223344"

local function word(number) return u16(number):reverse() end

local function attribute(kind, bytes)
  return word(4 + #bytes) .. word(kind) .. bytes .. ("\0"):rep(-#bytes % 4)
end

local function radio(four)
  local addresses = A1 .. A2 .. A3 .. hex "1000"
  local frame = hex "0802 0000" .. addresses .. SNAP .. four
  local avs = hex "80211001 00000040" .. ("\0"):rep(56)
  return {
    { 105, "IEEE802_11 from the DS", frame },
    { 105, "IEEE802_11 in a period without contention", hex "0802 0080" .. addresses .. SNAP
      .. four },
    { 105, "IEEE802_11 to the DS", hex "0801 0000" .. addresses .. SNAP .. four },
    { 105, "IEEE802_11 within a BSS", hex "0800 0000" .. addresses .. SNAP .. four },
    { 105, "IEEE802_11 between", hex "0803 0000" .. addresses .. A4 .. SNAP .. four },
    { 105, "IEEE802_11 QoS", hex "8802 0000" .. addresses .. hex "0500" .. SNAP .. four },
    { 105, "IEEE802_11 QoS and HT", hex "8882 0000" .. addresses .. hex "0500 00000000" .. SNAP
      .. four },
    { 105, "IEEE802_11 mesh", hex "8803 0000" .. addresses .. A4 .. hex "0501 001f00000001" .. SNAP
      .. four },
    { 105, "IEEE802_11 mesh, one more address", hex "8803 0000" .. addresses .. A4
      .. hex "0501 011f00000001" .. A1 .. SNAP .. four },
    { 105, "IEEE802_11 aggregate of one frame", hex "8802 0000" .. addresses .. hex "8500" .. A4
      .. A2 .. u16(8 + #four) .. SNAP .. four },
    { 105, "IEEE802_11 CF-End", hex "e400 0000" .. A1 .. A2 },
    { 105, "IEEE802_11 DMG beacon", hex "0c00 0000" .. A1 .. ("\0"):rep(20) },
    { 113, "LINUX_SLL of a radio", hex "0000 0323 0006" .. A1 .. hex "0000 0019"
      .. hex "0000 0800 00000000" .. frame },
    { 105, "IEEE802_11 encrypted", hex "0842 0000" .. addresses .. ("e"):rep(40) },
    { 105, "IEEE802_11 no data", hex "4801 0000" .. addresses },
    { 105, "IEEE802_11 beacon", hex "8000 0000" .. addresses .. hex "1122334455667788 6400 0100" },
    { 105, "IEEE802_11 acknowledgement", hex "d400 0000" .. A1 },
    { 105, "IEEE802_11 RTS", hex "b400 0000" .. A1 .. A2 },
    { 105, "IEEE802_11 PS-Poll", hex "a400 01c0" .. A1 .. A2 },
    { 127, "IEEE802_11_RADIO", hex "0000 0900 02000000 00" .. frame },
    { 127, "IEEE802_11_RADIO with a check sequence", hex "0000 0900 02000000 10" .. frame .. FCS },
    { 127, "IEEE802_11_RADIO, padded", hex "0000 0900 02000000 20 8802 0000" .. addresses
      .. hex "0500 0000" .. SNAP .. four },
    { 127, "IEEE802_11_RADIO with a time and more bitmaps",
      hex "0000 2100 030000a0 000000a0 00000000" .. ("\0"):rep(8) .. ("t"):rep(8) .. "\16" .. frame
      .. FCS },
    { 163, "IEEE802_11_RADIO_AVS", avs .. frame },
    { 163, "IEEE802_11_RADIO_AVS of another version", hex "80211003" .. avs:sub(5) .. frame },
    { 119, "PRISM_HEADER", hex "44000000 90000000" .. ("\0"):rep(136) .. frame },
    { 119, "PRISM_HEADER with AVS", avs .. frame },
    { 192, "PPI", hex "0000 0800 69000000" .. frame },
    { 192, "PPI with a check sequence", hex "0000 2000 69000000 0200 1400" .. ("\0"):rep(8)
      .. hex "0100" .. ("\0"):rep(10) .. frame .. FCS },
    { 192, "PPI of Ethernet", hex "0000 0800 01000000" .. frames.ethernet(0x0800, four) },
  }
end

local function lines(four, six)
  local inside = frames.ethernet(0x0800, four)
  return {
    { 6, "IEEE802", hex "1040" .. A1 .. A2 .. SNAP .. four },
    { 6, "IEEE802 with a route", hex "1040" .. A1 .. "\130" .. A2:sub(2) .. hex "0630 0011 0020"
      .. SNAP .. four },
    { 10, "FDDI", hex "50" .. A1 .. A2 .. SNAP .. four },
    { 7, "ARCNET, LLC", hex "be11 cd 060603" .. four },
    { 10, "FDDI, not LLC", hex "d0" .. A1 .. A2 .. SNAP .. four },
    { 11, "ATM_RFC1483", SNAP .. four },
    { 11, "ATM_RFC1483, Ethernet", hex "aaaa03 0080c2 0001 0000" .. inside .. FCS },
    { 11, "ATM_RFC1483, PPP", hex "fefe03 cf0021" .. four },
    { 11, "ATM_RFC1483, IP by its NLPID", hex "fefe03 cc" .. four },
    { 19, "ATM_CLIP", four },
    { 9, "PPP with another control field", hex "ff30 0021" .. four },
    { 9, "PPP, Cisco's HDLC", hex "0f00 0800" .. four },
    { 107, "FRELAY", hex "1841 03cc" .. four },
    { 107, "FRELAY, three bytes and control", hex "184083 03cc" .. four },
    { 107, "FRELAY, four bytes and control", hex "18402003 03cc" .. four },
    { 107, "FRELAY, IPv6", hex "184f 038e" .. six },
    { 107, "FRELAY, polled", hex "1841 13cc" .. four },
    { 107, "FRELAY, PPP", hex "1841 03cf 0021" .. four },
    { 107, "FRELAY, SNAP", hex "1841 0300 80 000000 0800" .. four },
    { 107, "FRELAY, bridged", hex "1841 0300 80 0080c2 0007" .. inside },
    { 107, "FRELAY, Cisco's", hex "1841 0800" .. four },
    { 122, "IP_OVER_FC", hex "0000" .. A1 .. hex "0000" .. A2 .. SNAP .. four },
    { 123, "SUNATM", hex "02 01 0020" .. SNAP .. four },
    { 138, "APPLE_IP_OVER_IEEE1394", ("\0"):rep(16) .. hex "0800" .. four },
    { 143, "DOCSIS", hex "0000 003f aa35" .. inside .. FCS },
    { 143, "DOCSIS, isolated", hex "8000 003f c418" .. inside .. FCS },
    { 204, "PPP_WITH_DIR", hex "00 ff03 0021" .. four },
    { 242, "IPOIB", ("\0"):rep(40) .. hex "0800 0000" .. four },
    { 104, "C_HDLC's SLARP", hex "8f00 8035 00000002 00000007 00000008 ffff" },
    { 104, "C_HDLC's SLARP of no known type", hex "8f00 8035 00000007 00000001 00000002 ffff" },
    { 104, "C_HDLC's SLARP that asks", hex "8f00 8035 00000000 00000000 00000000 ffff" },
  }
end

local function systems(four, six)
  local pktap = hex "6c000000 01000000 01000000" .. "en0" .. ("\0"):rep(25) .. hex "02000000"
    .. ("\0"):rep(8) .. hex "7b000000" .. ("\0"):rep(52)
  local before = attribute(1, hex "0800 0300") .. attribute(4, hex "00000002")
    .. attribute(10, "hello\0") .. attribute(11, hex "000003e8")
  return {
    { 0, "NULL with an EtherType", hex "00080000" .. four },
    { 109, "ENC", hex "02000000 00000007 00000000" .. four },
    { 117, "PFLOG", hex "3d 02 0000" .. "em0" .. ("\0"):rep(57) .. four },
    { 226, "IPNET", hex "0102 0000" .. frames.u32(#four)
      .. hex "00000001 00000002 00000003 00000004" .. four },
    { 239, "NFLOG", hex "0200 0007" .. before .. attribute(9, four) },
    { 239, "NFLOG of a bridge", hex "0700 0007" .. before .. attribute(9, four) },
    { 239, "NFLOG of a tagged frame", hex "0700 0007" .. before .. attribute(0x8013,
      attribute(1, hex "00008100") .. attribute(2, hex "00000005")) .. attribute(9, four) },
    { 239, "NFLOG, IPv6", hex "0a00 0000" .. attribute(9, six) },
    { 258, "PKTAP without a packet", pktap:sub(1, 4) .. "\0" .. pktap:sub(6) .. "none" },
    { 258, "PKTAP of another record", pktap:sub(1, 4) .. "\2" .. pktap:sub(6) .. "none" },
    { 258, "PKTAP", pktap .. frames.ethernet(0x0800, four) },
    { 113, "LINUX_SLL of a longer address", hex "0000 0020 0014 0011223344556677 0800" .. four },
    { 113, "LINUX_SLL of a frame", hex "0000 0001 0006" .. A1 .. hex "0000 0003"
      .. frames.ethernet(0x0800, four) },
    { 113, "LINUX_SLL of PPP", hex "0000 0200 0000 0000000000000000 0007 ff03 0021" .. four },
    { 113, "LINUX_SLL of netlink", hex "0004 0338 0000 0000000000000000 0004" .. ("n"):rep(40) },
    { 113, "LINUX_SLL of a tunnel", hex "0000 0308 0004 0a000001 00000000 0800" .. four },
  }
end

-- Those that tshark has no word for.
local function unjudged(four)
  local inside = frames.ethernet(0x0800, four)
  return {
    { 8, "SLIP", hex "01 40" .. ("\0"):rep(14) .. four },
    { 15, "SLIP_BSDOS", ("\0"):rep(24) .. four },
    { 7, "ARCNET, RFC 1051", hex "be00 f0" .. four },
    { 129, "ARCNET_LINUX", hex "be00 0000 d4 00 0001" .. four },
    { 219, "MPLS", hex "00010140" .. four },
    { 166, "PPP_PPPD", hex "0003 0021" .. four },
    { 205, "C_HDLC_WITH_DIR", hex "01 0f00 0800" .. four },
    { 206, "FRELAY_WITH_DIR", hex "01 1841 0800" .. four },
    { 281, "DSA_TAG_BRCM", inside:sub(1, 12) .. hex "00000001" .. inside:sub(13) },
    { 282, "DSA_TAG_BRCM_PREPEND", hex "00000001" .. inside },
    { 284, "DSA_TAG_DSA", inside:sub(1, 12) .. hex "c0000000" .. inside:sub(13) },
    { 285, "DSA_TAG_EDSA", inside:sub(1, 12) .. hex "dada0000 c0000000" .. inside:sub(13) },
  }
end

local links = {}

local function joined(parts)
  local list = {}
  for _, part in ipairs(parts) do
    for _, link in ipairs(part) do
      list[#list + 1] = link
    end
  end
  return list
end

--- Those that tshark can judge.
function links.judged()
  local four = frames.ipv4(6, frames.tcp("hello"))
  local six = frames.ipv6(6, frames.tcp("hello", { v6 = true }))
  return joined { radio(four), lines(four, six), systems(four, six) }
end

--- Those that it cannot: an IPv4 packet with TCP to port 80 is in each.
function links.unjudged()
  return unjudged(frames.ipv4(6, frames.tcp("hello")))
end

return links
