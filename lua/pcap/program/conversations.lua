--- Adds up the packets of each conversation: two addresses, their ports and a protocol.

local decode = require "pcap.decode"

local conversations = {}

local PROTOCOLS = { [1] = "icmp", [6] = "tcp", [17] = "udp", [47] = "gre", [50] = "esp",
  [58] = "icmpv6", [132] = "sctp" }

-- The texts are made once, when the first packet comes. `a` has sent it.
local function new(layers, pkt)
  local ip, ports = layers.ip, layers.tcp or layers.udp or layers.sctp
  local a, b = ip.src, ip.dst
  if ports then
    a, b = a .. "." .. ports.source_port, b .. "." .. ports.dest_port
  end
  local proto = layers.ah and layers.ah.proto or ip.proto
  return { a = a, b = b, protocol = PROTOCOLS[proto] or tostring(proto),
    from = layers:flow(), packets = 0, bytes = 0, packets_ab = 0, bytes_ab = 0,
    first = pkt:timestamp(), last = pkt:timestamp() }
end

--- Makes a function that adds a packet, and a function that gives the list so far.
---
--- A conversation is a table: `protocol`; `a` and `b`, the ends; `packets` and `bytes` (on the
--- wire), and with `_ab` those from a to b; `first` and `last`, times of its packets in seconds.
---@return fun(pkt: luapcap_packet) add  packets without IP are left out
---@return fun(): table list             in no order
function conversations.new()
  local layers, by_key, list = decode.layers(), {}, {}
  local function add(pkt)
    local key = layers(pkt):flow(true)
    if not key then
      return
    end
    local found = by_key[key]
    if not found then
      found = new(layers, pkt)
      by_key[key], list[#list + 1] = found, found
    end
    local wirelen, time = pkt.wirelen, pkt:timestamp()
    found.packets, found.bytes = found.packets + 1, found.bytes + wirelen
    if layers:flow() == found.from then
      found.packets_ab, found.bytes_ab = found.packets_ab + 1, found.bytes_ab + wirelen
    end
    if time < found.first then
      found.first = time
    elseif time > found.last then
      found.last = time
    end
  end
  return add, function() return list end
end

--- An order for table.sort: the largest of a field first, or the smallest if `rises`.
---@param field string
---@param rises? boolean
function conversations.by(field, rises)
  return function(x, y)
    if x[field] ~= y[field] then
      return (x[field] < y[field]) == (rises or false)
    end
    return x.a .. " " .. x.b .. x.protocol < y.a .. " " .. y.b .. y.protocol
  end
end

return conversations
