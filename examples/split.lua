--- Splits a savefile: each packet goes to its own file, PREFIX00001.pcap, PREFIX00002.pcap, ...
--
--   luajit examples/split.lua file prefix

local pcap = require "pcap"
local progress = dofile((arg[0]:gsub("[^/]+$", "progress.lua")))

local cap = assert(pcap.open_offline(arg[1] or "-"))
local show = progress(cap, false)
local prefix = arg[2] or "packet-"

local count = 0
for pkt in cap:packets() do
  count = count + 1
  local dumper = assert(cap:dump_open(("%s%05d.pcap"):format(prefix, count)))
  assert(dumper:dump(pkt))
  assert(dumper:close())
  show()
end
show "done"

assert(cap:ending() == "closed", cap:ending())
print(count .. " files written")
