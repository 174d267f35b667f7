--- A packet in one line, close to what `tcpdump -n -q -t` says of it.

local address = require "pcap.decode.address"
local check = require "pcap.check"
local layers = require "pcap.decode.layers"
local packet = require "pcap.packet"

local summary = {}

local ECHO = { [0] = "reply", [8] = "request" }
local ECHO6 = { [128] = "request", [129] = "reply" }

local ICMPV6 = {
  [1] = "destination unreachable", [2] = "packet too big", [3] = "time exceeded in-transit",
  [4] = "parameter problem", [130] = "multicast listener query",
  [131] = "multicast listener report", [132] = "multicast listener done",
  [133] = "router solicitation", [134] = "router advertisement",
  [135] = "neighbor solicitation", [136] = "neighbor advertisement", [137] = "redirect",
  [143] = "multicast listener report v2",
}

local describe

local function icmp(header)
  local length = 8 + header.content_length
  if ECHO[header.type] then
    return ("ICMP echo %s, id %d, seq %d, length %d")
      :format(ECHO[header.type], header.id, header.seq, length)
  end
  return ("ICMP type %d code %d, length %d"):format(header.type, header.code, length)
end

local function icmpv6(header)
  local length = 8 + header.content_length
  if ECHO6[header.type] then
    return ("ICMP6, echo %s, id %d, seq %d, length %d")
      :format(ECHO6[header.type], header.id, header.seq, length)
  elseif ICMPV6[header.type] then
    return ("ICMP6, %s, length %d"):format(ICMPV6[header.type], length)
  end
  return ("ICMP6, type %d code %d, length %d"):format(header.type, header.code, length)
end

-- By the field: the first fragment has less than that.
local function udp(header)
  local length = header.length >= 8 and header.length - 8 or header.content_length
  return ("UDP, length %d"):format(length)
end

local function gre(header, ip, inner)
  local key = header.key and ("key=0x%x, "):format(header.key) or ""
  return ("GREv%d, %slength %d: %s"):format(header.version, key, ip.content_length,
    inner or ("gre-proto-0x%x"):format(header.type))
end

local function fragment(ip)
  if ip.version == 4 then
    return ("ip-proto-%d"):format(ip.proto)
  end
  return ("frag (%d|%d)"):format(ip.fragment_offset * 8, ip.content_length)
end

-- What is in an IP packet, and before it the headers that tcpdump names on the way.
local function content(self, ip)
  local inner = self.inner and describe(self.inner, true)
  if ip.fragment_offset > 0 then
    return fragment(ip)
  elseif self.tcp then
    return ("tcp %d"):format(self.tcp.content_length)
  elseif self.udp then
    return udp(self.udp)
  elseif self.icmp then
    return icmp(self.icmp)
  elseif self.icmpv6 then
    return icmpv6(self.icmpv6)
  elseif self.sctp then
    return ("sctp, length %d"):format(self.sctp.content_length)
  elseif self.gre then
    return gre(self.gre, ip, inner)
  end
  return inner or ("ip-proto-%d %d"):format(self.ah and self.ah.proto or ip.proto,
    self.payload_length)
end

local function of_ip(self)
  local ip = self.ip
  local ports = self.tcp or self.udp or self.sctp
  local src, dst = ip.src, ip.dst
  if ports then
    src, dst = src .. "." .. ports.source_port, dst .. "." .. ports.dest_port
  end
  local ah = self.ah and ("AH(spi=0x%08x,seq=0x%x): "):format(self.ah.spi, self.ah.seq_num) or ""
  return ("%s %s > %s: %s%s")
    :format(ip.version == 4 and "IP" or "IP6", src, dst, ah, content(self, ip))
end

local ARP = {
  function(arp)
    local asked = arp.dst_hw:find("[1-9a-f]") and (" (%s)"):format(arp.dst_hw) or ""
    return ("Request who-has %s%s tell %s"):format(arp.dst, asked, arp.src)
  end,
  function(arp) return ("Reply %s is-at %s"):format(arp.src, arp.src_hw) end,
  function(arp) return ("Reverse Request who-is %s tell %s"):format(arp.dst_hw, arp.src_hw) end,
  function(arp) return ("Reverse Reply %s at %s"):format(arp.dst_hw, arp.dst) end,
}

local function of_arp(arp)
  local length = 8 + 2 * arp.hardware_size + 2 * arp.protocol_size + arp.content_length
  local kind = ARP[arp.opcode]
  return ("ARP, %s, length %d"):format(kind and kind(arp) or "opcode " .. arp.opcode, length)
end

-- What has neither IP nor ARP in it: how far decoding came.
local function of_rest(self, within)
  local eth, parts = self.eth, {}
  if eth then
    parts[1] = ("%s > %s"):format(address.text(eth.src_bytes), address.text(eth.dst_bytes))
    parts[2] = self.llc and "802.3" or ("ethertype 0x%04x")
      :format(self.vlan and self.vlan.tags[self.vlan.count].type or eth.type)
  elseif self.last then
    parts[1] = self.last
  elseif not within then
    parts[1] = ("link type %d"):format(self.linktype)
  end
  if self.ppp then
    parts[#parts + 1] = ("PPP protocol 0x%04x"):format(self.ppp.proto)
  end
  parts[#parts + 1] = ("length %d"):format(self.payload_length)
  return table.concat(parts, ", ")
end

-- `within`: of what is in a tunnel.
describe = function(self, within)
  local line = self.ip and of_ip(self) or self.arp and of_arp(self.arp) or of_rest(self, within)
  return self.error and ("%s [%s]"):format(line, self.error) or line
end

local decoders = {}

--- Says in one line what is in a packet: `tcpdump -n -q -t`'s line for TCP, UDP, ARP, ICMP echo
-- and what of them is in tunnels, without what tcpdump says of the headers on the way (IPv6's
-- extension headers, PPPoE, GRE's checksum); how far decoding came for the rest; and in brackets
-- what is wrong with the packet.
---@param pkt luapcap_packet|string
---@param linktype? integer  a DLT number (default: the packet's own, EN10MB for a string)
---@return string line  without a time and without a newline
function summary.summary(pkt, linktype)
  if type(pkt) ~= "string" and not packet.is(pkt) then
    check.fail(1, "summary", "packet or string expected, got " .. type(pkt))
  end
  if linktype == nil then
    decoders.own = decoders.own or layers.layers()
    return describe(decoders.own(pkt))
  end
  check.integer(linktype, 2, "summary", 0, 2 ^ 31 - 1)
  decoders[linktype] = decoders[linktype] or layers.layers(linktype)
  return describe(decoders[linktype](pkt))
end

return summary
