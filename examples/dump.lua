--- Prints the packets of a savefile, a line each. `pcap dump` is the whole program: it is in
-- lua/pcap/command/dump.lua.
--
--   luajit examples/dump.lua file [expression]

local pcap = require "pcap"
local decode = require "pcap.decode"

local cap = assert(pcap.open_offline(arg[1] or "-"))
assert(cap:set_filter(table.concat(arg, " ", 2)))
for pkt in cap:packets() do
  -- A packet of a pcapng file may have a comment.
  print(os.date("%H:%M:%S", pkt.sec), decode.summary(pkt), pkt:comment() or "")
end
assert(cap:ending() == "closed", cap:ending())
