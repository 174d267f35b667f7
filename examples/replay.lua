--- Sends the packets of a savefile on a device, with the timing that was recorded. `pcap replay` is
-- the whole program: it is in lua/pcap/command/replay.lua.
--
--   luajit examples/replay.lua file device

local pcap = require "pcap"

local file = assert(pcap.open_offline(arg[1] or "-"))
local device = assert(pcap.open_live(arg[2] or "lo"))
assert(device:set_filter "len < 1") -- nothing to read: a wait for packets is a sleep
local before
for pkt in file:packets() do
  local time = pkt:timestamp()
  device:wait(math.max(time - (before or time), 0))
  assert(device:inject(pkt:bytes()))
  before = time
end
assert(file:ending() == "closed", file:ending())
