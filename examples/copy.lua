--- Copies the packets of a savefile that match an expression. `pcap copy` is the whole program: it
-- is in lua/pcap/command/copy.lua.
--
--   luajit examples/copy.lua from to [expression]

local pcap = require "pcap"

local cap = assert(pcap.open_offline(arg[1] or "-", { precision = "nano" }))
assert(cap:set_filter(table.concat(arg, " ", 3)))
local dumper = assert(cap:dump_open(arg[2] or "-"))
for pkt in cap:packets() do
  assert(dumper:dump(pkt))
end
assert(dumper:close())
assert(cap:ending() == "closed", cap:ending())
