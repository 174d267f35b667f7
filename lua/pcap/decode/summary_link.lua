--- What a summary says of headers below IP: labels and tags before IP, and frames without IP.

local address = require "pcap.decode.address"

local summary_link = {}

local MANAGEMENT = { [0] = "Assoc Request", "Assoc Response", "ReAssoc Request", "ReAssoc Response",
  "Probe Request", "Probe Response", [8] = "Beacon", [9] = "ATIM", [10] = "Disassociation",
  [11] = "Authentication", [12] = "DeAuthentication", [13] = "Action" }
local CONTROL = { [8] = "BAR", [9] = "BA", [10] = "Power Save-Poll", [11] = "Request-To-Send",
  [12] = "Clear-To-Send", [13] = "Acknowledgment", [14] = "CF-End", [15] = "CF-End+CF-Ack" }

--- "MPLS (label 16, tc 0, [S], ttl 64) " before what it carries.
function summary_link.mpls(mpls)
  local parts = {}
  for i, each in ipairs(mpls.labels) do
    parts[i] = ("(label %d, tc %d%s, ttl %d)"):format(each.label, each.traffic_class,
      each.bottom and ", [S]" or "", each.ttl)
  end
  return "MPLS " .. table.concat(parts, " ")
end

--- "NSH, flags [none], service-path-id 0x000309, service-index 0x7" before what it carries.
function summary_link.nsh(nsh)
  return ("NSH, flags [%s], service-path-id 0x%06x, service-index 0x%x")
    :format(nsh.is_oam and "O" or "none", nsh.path, nsh.index)
end

local function wlan(self, header)
  local name = header.type == 0 and MANAGEMENT[header.subtype]
    or header.type == 1 and CONTROL[header.subtype]
  local addresses = header.src and header.dst and ("%s > %s"):format(header.src, header.dst)
    or "RA:" .. header.receiver
  return ("%s, %s%s, length %d"):format(addresses, name
    or header.type == 2 and "Data" or "type " .. header.type,
    header.protected and " encrypted" or "", self.payload_length)
end

local SLARP = { [0] = "request", [1] = "reply", [2] = "keepalive" }

local function slarp(_, header)
  local kind = SLARP[header.type] or "unknown"
  if header.seq_num then
    return ("SLARP %s: mineseen=0x%08x, yourseen=0x%08x"):format(kind, header.seq_num, header.seen)
  end
  return header.address and ("SLARP %s: address %s, mask %s"):format(kind, header.address,
    header.netmask) or "SLARP " .. kind
end

-- By layer: the line for a frame whose last header it is.
local LAST = {
  wlan = wlan, slarp = slarp,
  usb = function(self) return ("USB, length %d"):format(self.payload_length) end,
}

--- A frame with neither IP nor ARP in it: how far decoding came.
---@param within boolean  whether the frame is in a tunnel
function summary_link.rest(self, within)
  local eth, parts = self.eth, {}
  if LAST[self.last] then
    return LAST[self.last](self, self[self.last])
  elseif eth then
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

return summary_link
