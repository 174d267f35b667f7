--- What is whole in a file that could not be written to its end, as on a full disk.
--
-- The file is read: what the system took of a buffer, or of what was packed, can be learned there
-- only.

local offline = require("pcap.core.on_demand").module "pcap.source.offline"

local damaged = {}

--- Corrects what a rotation counted of a file. If the file cannot be read, it has no packet.
---@param path string|false  false: the file is gone
---@param stats table  of limits.stats(); `lost` tells how many accepted packets are not in the file
function damaged.correct(path, stats)
  local accepted = stats.packets
  stats.packets, stats.first, stats.last = 0, nil, nil
  local cap = path and offline.open_offline(path, { precision = "nano" })
  if cap then
    for pkt in cap:packets() do
      stats.packets = stats.packets + 1
      stats.last = pkt.sec + pkt.nsec / 1e9
      stats.first = stats.first or stats.last
    end
    cap:close()
  end
  stats.lost = accepted - stats.packets
end

return damaged
