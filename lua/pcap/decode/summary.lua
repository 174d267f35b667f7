--- A packet in one line, close to what `tcpdump -n -q -t` says of it.

local check = require "pcap.core.check"
local layers = require "pcap.decode.layers"
local packet = require "pcap.packet"
local summary_icmp = require "pcap.decode.summary_icmp"
local summary_link = require "pcap.decode.summary_link"
local view = require "pcap.decode.view"

local summary = {}

local DEEPEST = 8

local describe

-- The length comes from the field: the first fragment has less than that.
local function udp(header)
  local length = header.length >= 8 and header.length - 8 or header.content_length
  return ("UDP, length %d"):format(length)
end

-- Without a sequence number, version 1 only acknowledges.
local function gre(header, ip, inner)
  local parts, has_payload = { ("GREv%d"):format(header.version) }, true
  local function add(format, value)
    parts[#parts + 1] = value and format:format(value) or nil
  end
  local is_first = header.version == 0
  add("off 0x%x", is_first and view.flag(header.flags, 0xc000) and view.u16(header.bytes, 6))
  add("key=0x%x", is_first and header.key)
  add("call %d", not is_first and (header.call_id or header.key and header.key % 65536))
  add("seq %d", header.seq_num)
  add("ack %d", header.ack_num)
  if header.version == 1 and not header.seq_num then
    parts[#parts + 1], has_payload = "no-payload", false
  end
  add("length %d", ip.content_length)
  local line = table.concat(parts, ", ")
  return not has_payload and line
    or ("%s: %s"):format(line, inner or ("gre-proto-0x%x"):format(header.type))
end

local function fragment(ip)
  if ip.version == 4 then
    return ("ip-proto-%d"):format(ip.proto)
  end
  return ("frag (%d|%d)"):format(ip.fragment_offset * 8, ip.content_length)
end

local MOBILITY = { [0] = "BRR", "HoTI", "CoTI", "HoT", "CoT", "BU", "BA", "BE" }
local UPDATE, ACKNOWLEDGEMENT = 5, 6

-- The flags that are set, as letters, from the highest bit on.
local function letters(bits, names)
  local set = {}
  for i = 1, #names do
    set[i] = view.flag(bits, 2 ^ (8 - i)) and names:sub(i, i) or ""
  end
  local text = table.concat(set)
  return text ~= "" and text or nil
end

local function mobility(header)
  local kind = header.type
  local parts = { "mobility:", MOBILITY[kind] or ("type-#%d len=%d"):format(kind,
    header.header_size / 8 - 1) }
  local function add(format, value)
    parts[#parts + 1] = value and format:format(value) or nil
  end
  add("status=%d", header.status)
  add("%s", kind == ACKNOWLEDGEMENT and letters(header.bytes[7], "K"))
  add("seq#=%d", header.seq_num)
  add("%s", kind == UPDATE and header.lifetime and letters(header.bytes[8], "AHLK"))
  add("lifetime=%d", header.lifetime and header.lifetime * 4)
  return table.concat(parts, " ")
end

local PIM = { [0] = "Hello", "Register", "Register Stop", "Join / Prune", "Bootstrap", "Assert",
  "Graft", "Graft Acknowledgement", "Candidate RP Advertisement", "Prune Refresh", "DF Election",
  "ECMP Redirect" }

local function pim(header, ip)
  local name = header.version == 2 and ", " .. (PIM[header.type] or "Unknown Type") or ""
  return ("PIMv%d%s, length %d"):format(header.version, name, ip.content_length)
end

local function l2tp(header, inner)
  return ("l2tp v%d, %s%s"):format(header.version, header.is_control and "control"
    or ("session %d"):format(header.session), inner and ": " .. inner or "")
end

-- What is in an IP packet, after the headers that tcpdump names on the way.
local function content(self, ip, depth)
  local inner = self.inner and describe(self.inner, depth + 1)
  if ip.fragment_offset > 0 then
    return fragment(ip)
  elseif self.tcp then
    return ("tcp %d"):format(self.tcp.content_length)
  elseif self.udp then
    return udp(self.udp)
  elseif self.icmp then
    return summary_icmp.icmp(self.icmp)
  elseif self.icmpv6 then
    return summary_icmp.icmpv6(self.icmpv6)
  elseif self.sctp then
    return ("sctp, length %d"):format(self.sctp.content_length)
  elseif self.gre then
    return gre(self.gre, ip, inner)
  elseif self.igmp then
    return "igmp"
  elseif self.esp then
    return ("ESP(spi=0x%08x,seq=0x%x), length %d"):format(self.esp.spi, self.esp.seq_num,
      8 + self.esp.content_length)
  elseif self.pim then
    return pim(self.pim, ip)
  elseif self.mobility then
    return mobility(self.mobility)
  elseif self.l2tp then
    return l2tp(self.l2tp, inner)
  elseif self.mpls and self.mpls.begin > ip.begin then
    return summary_link.mpls(self.mpls) .. (inner and " " .. inner or "")
  end
  return inner or ("ip-proto-%d %d"):format(self.ah and self.ah.proto or ip.proto,
    self.payload_length)
end

local function of_ip(self, depth)
  local ip = self.ip
  local ports = self.tcp or self.udp or self.sctp
  local src, dst = ip.src, ip.dst
  if ports then
    src, dst = src .. "." .. ports.source_port, dst .. "." .. ports.dest_port
  end
  local ah = self.ah and ("AH(spi=0x%08x,seq=0x%x): "):format(self.ah.spi, self.ah.seq_num) or ""
  return ("%s %s > %s: %s%s")
    :format(ip.version == 4 and "IP" or "IP6", src, dst, ah, content(self, ip, depth))
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

-- `depth` is the number of tunnels around this. A stranger may send thousands; a line has room for
-- few.
describe = function(self, depth)
  if depth > DEEPEST then
    return "..."
  end
  local line = self.ip and of_ip(self, depth) or self.arp and of_arp(self.arp)
  local mpls = self.mpls and not (self.ip and self.ip.begin < self.mpls.begin)
    and summary_link.mpls(self.mpls)
  if not line and self.inner then -- a frame in labels or tags
    line = describe(self.inner, depth + 1)
  elseif not line and not mpls then
    line = summary_link.rest(self, depth > 0)
  end
  if mpls then
    line = line and mpls .. " " .. line or mpls
  elseif self.nsh then
    line = ("%s: %s"):format(summary_link.nsh(self.nsh), line)
  end
  return self.error and ("%s [%s]"):format(line, self.error) or line
end

local decoders = {}

--- Says in one line what is in a packet. For TCP, UDP, ARP and ICMP echo, also in tunnels, it is
-- the line of `tcpdump -n -q -t`, without what tcpdump says of the headers on the way (IPv6's
-- extension headers, PPPoE). For the rest it says how far decoding came. What is
-- wrong with the packet comes in brackets.
---@param pkt luapcap_packet|string
---@param linktype? integer  a DLT number (default: the packet's own, EN10MB for a string)
---@return string line  without a time and without a newline
function summary.summary(pkt, linktype)
  if type(pkt) ~= "string" and not packet.is(pkt) then
    check.fail(1, "summary", "packet or string expected, got " .. type(pkt))
  end
  if linktype == nil then
    decoders.own = decoders.own or layers.layers()
    return describe(decoders.own(pkt), 0)
  end
  check.integer(linktype, 2, "summary", 0, 2 ^ 31 - 1)
  decoders[linktype] = decoders[linktype] or layers.layers(linktype)
  return describe(decoders[linktype](pkt), 0)
end

return summary
