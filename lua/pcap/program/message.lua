--- What subcommands that show messages over TCP and UDP have in common.

local output = require "pcap.program.output"

local message = {}

--- The layers of what is in all tunnels.
---@param layers table  of decode.layers(), filled
---@return table layers
function message.innermost(layers)
  while layers.inner do
    layers = layers.inner
  end
  return layers
end

--- Begins the line of a message: its time and its ends.
---@param pkt luapcap_packet
---@param layers table  with IP, and TCP or UDP
---@return string
function message.head(pkt, layers)
  local ip, ports = layers.ip, layers.tcp or layers.udp
  return ("%s %s.%d > %s.%d: "):format(output.time_of_day(pkt), ip.src, ports.source_port, ip.dst,
    ports.dest_port)
end

return message
