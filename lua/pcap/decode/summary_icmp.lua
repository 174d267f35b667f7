--- What a summary says of ICMP and ICMPv6, as `tcpdump -n -q` does.

local view = require "pcap.decode.view"

local summary_icmp = {}

local ECHO = { [0] = "reply", [8] = "request" }
local ECHO6 = { [128] = "request", [129] = "reply" }

-- Destination unreachable, by code. %s is the destination of the quoted packet.
local UNREACHABLE = {
  [0] = "net %s unreachable", [1] = "host %s unreachable",
  [5] = "%s unreachable - source route failed", [6] = "net %s unreachable - unknown",
  [7] = "host %s unreachable - unknown", [8] = "%s unreachable - source host isolated",
  [9] = "net %s unreachable - admin prohibited", [10] = "host %s unreachable - admin prohibited",
  [11] = "net %s unreachable - tos prohibited", [12] = "host %s unreachable - tos prohibited",
  [13] = "host %s unreachable - admin prohibited filter",
  [14] = "host %s unreachable - host precedence violation",
  [15] = "host %s unreachable - precedence cutoff",
}

local REDIRECT = { [0] = "redirect %s to net %s", [1] = "redirect %s to host %s",
  [2] = "redirect-tos %s to net %s", [3] = "redirect-tos %s to host %s" }

local EXCEEDED = { [0] = "time exceeded in-transit", [1] = "ip reassembly time exceeded" }

-- "udp port 53" of a quoted packet.
local function port(quoted)
  local ports = quoted.tcp or quoted.udp or quoted.sctp
  return ports and ("%s port %d"):format(quoted.tcp and "tcp" or quoted.udp and "udp"
    or "protocol 132", ports.dest_port)
end

local function unreachable(header, quoted)
  local dst = quoted.ip.dst
  if header.code == 2 then
    return ("%s protocol %d unreachable"):format(dst, quoted.ip.proto)
  elseif header.code == 3 and port(quoted) then
    return ("%s %s unreachable"):format(dst, port(quoted))
  elseif header.code == 4 then
    return dst .. " unreachable - need to frag" .. (header.mtu > 0 and (" (mtu %d)")
      :format(header.mtu) or "")
  end
  return UNREACHABLE[header.code] and UNREACHABLE[header.code]:format(dst)
    or header.code > 15 and ("%s unreachable - #%d"):format(dst, header.code)
end

local OTHERS = { [4] = "source quench", [9] = "router advertisement", [10] = "router solicitation",
  [15] = "information request", [16] = "information reply", [17] = "address mask request" }

local function message(header)
  local kind, quoted = header.type, header.quoted
  if ECHO[kind] then
    return ("echo %s, id %d, seq %d"):format(ECHO[kind], header.id, header.seq)
  elseif kind == 3 and quoted and quoted.ip then
    return unreachable(header, quoted)
  elseif kind == 5 and quoted and quoted.ip then
    local form = REDIRECT[header.code] or "redirect-#" .. header.code .. " %s to %s"
    return form:format(quoted.ip.dst, header.gateway)
  elseif kind == 11 then
    return EXCEEDED[header.code] or ("time exceeded-#%d"):format(header.code)
  elseif kind == 12 then
    return header.code > 0 and ("parameter problem - code %d"):format(header.code)
      or ("parameter problem - octet %d"):format(header.pointer)
  elseif kind == 13 or kind == 14 then
    return ("time stamp %s id %d seq %d"):format(kind == 13 and "query" or "reply", header.id,
      header.seq)
  end
  return OTHERS[kind]
end

--- A line for ICMP's view.
function summary_icmp.icmp(header)
  return ("ICMP %s, length %d"):format(message(header) or ("type-#%d"):format(header.type),
    8 + header.content_length)
end

local NAMES = {
  [1] = "destination unreachable", [2] = "packet too big", [3] = "time exceeded in-transit",
  [4] = "parameter problem", [130] = "multicast listener query",
  [131] = "multicast listener report", [132] = "multicast listener done",
  [133] = "router solicitation", [134] = "router advertisement",
  [135] = "neighbor solicitation", [136] = "neighbor advertisement", [137] = "redirect",
  [141] = "inverse neighbor solicitation", [142] = "inverse neighbor advertisement",
  [143] = "multicast listener report v2", [145] = "ha discovery reply",
  [147] = "mobile router advertisement",
}

-- %s are the destination and the source of the quoted packet. Tcpdump has the two spaces.
local UNREACHABLE6 = { [0] = ", unreachable route %s", [1] = ",  unreachable prohibited %s",
  [2] = ", beyond scope %s, source address %s", [3] = ", unreachable address %s" }

local PROBLEM6 = { [0] = "erroneous", [1] = "next header", [2] = "option",
  [3] = "incomplete header chain" }

-- What comes after the name.
local DETAILS = {
  [1] = function(header, quoted)
    local ip = quoted and quoted.ip
    if ip and UNREACHABLE6[header.code] then
      return UNREACHABLE6[header.code]:format(ip.dst, ip.src)
    end
    return ip and header.code == 4 and port(quoted)
      and (", unreachable port, %s %s"):format(ip.dst, port(quoted))
  end,
  [2] = function(header) return (", mtu %d"):format(header.mtu) end,
  [3] = function(header, quoted)
    return header.code == 1 and " (reassembly)"
      or header.code == 0 and quoted and quoted.ip and " for " .. quoted.ip.dst
  end,
  [4] = function(header)
    local name = PROBLEM6[header.code]
    return name and (", %s - octet %d"):format(name, header.pointer)
  end,
  [135] = function(header) return header.target and ", who has " .. header.target end,
  [136] = function(header) return header.target and ", tgt is " .. header.target end,
  [137] = function(header)
    return header.destination and (", %s to %s"):format(header.destination, header.target)
  end,
  [143] = function(header) return (", %d group record(s)"):format(view.u16(header.bytes, 6)) end,
}

--- A line for ICMPv6's view.
function summary_icmp.icmpv6(header)
  local length, name, detail = 8 + header.content_length, NAMES[header.type], DETAILS[header.type]
  if ECHO6[header.type] then
    return ("ICMP6, echo %s, id %d, seq %d, length %d")
      :format(ECHO6[header.type], header.id, header.seq, length)
  elseif not name then
    return ("ICMP6, unknown icmp6 type (%d), length %d"):format(header.type, length)
  end
  return ("ICMP6, %s%s, length %d"):format(name, detail and detail(header, header.quoted) or "",
    length)
end

return summary_icmp
