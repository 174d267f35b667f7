--- Copies the packets of a savefile that match an expression. `pcap copy` is the whole program: it
-- is in lua/pcap/command/copy.lua.
--
--   luajit examples/copy.lua [--blocks] from to [expression]
--
-- The copy is pcapng if its name ends with .pcapng. With --blocks it also has the blocks of unknown
-- types.

local pcap = require "pcap"

local keeps_blocks = arg[1] == "--blocks"
if keeps_blocks then
  table.remove(arg, 1)
end
local from, to = arg[1] or "-", arg[2] or "-"

local cap = assert(pcap.open_offline(from, { precision = "nano", blocks = keeps_blocks }))
assert(cap:set_filter(table.concat(arg, " ", 3)))
local dumper = assert(cap:dump_open(to, { format = to:find "%.pcapng$" and "pcapng" or "pcap" }))
for pkt in cap:packets() do
  assert(dumper:dump(pkt))
end
assert(dumper:close())
assert(cap:ending() == "closed", cap:ending())
