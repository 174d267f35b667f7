--- Merges savefiles into one, in the order of their packets' times. `pcap merge` is the whole
-- program: it is in lua/pcap/command/merge.lua.
--
--   luajit examples/merge.lua to.pcapng from from ...

local pcap = require "pcap"

local captures = {}
for i = 2, #arg do
  captures[i - 1] = assert(pcap.open_offline(arg[i], { precision = "nano" }))
end
local merged = assert(pcap.merge(captures))
local dumper = assert(merged:dump_open(arg[1], { format = "pcapng" }))
for pkt in merged:packets() do
  assert(dumper:dump(pkt))
end
assert(dumper:close())
assert(merged:ending() == "closed", merged:ending())
