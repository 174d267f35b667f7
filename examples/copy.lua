--- Copies the packets of a savefile that match an expression.
--
--   luajit examples/copy.lua [--blocks] from to [expression]
--
-- The copy is pcapng if its name ends with .pcapng, and pcap otherwise. With --blocks a pcapng copy
-- also has the blocks of unknown types.
-- Ctrl-C and SIGTERM end it. The copy then has the packets so far.

local pcap = require "pcap"
local progress = dofile((arg[0]:gsub("[^/]+$", "progress.lua")))
local stop_on_signal = dofile((arg[0]:gsub("[^/]+$", "stop.lua")))

local keeps_blocks = arg[1] == "--blocks"
if keeps_blocks then
  table.remove(arg, 1)
end
-- A copy keeps nanoseconds only if they are asked for.
local cap = assert(pcap.open_offline(arg[1] or "-", { precision = "nano", blocks = keeps_blocks }))
if arg[3] then
  assert(cap:set_filter(table.concat(arg, " ", 3)))
end
local show = progress(cap, false)
local to = arg[2] or "-"
local dumper = assert(cap:dump_open(to, { format = to:find "%.pcapng$" and "pcapng" or "pcap" }))

stop_on_signal(cap)

local count = 0
for pkt in cap:packets() do
  assert(dumper:dump(pkt))
  count = count + 1
  show()
end
show "done"

assert(dumper:close())
local ending = cap:ending()
assert(ending == "closed" or ending == "break", ending)
io.stderr:write(count, " packets copied\n")
