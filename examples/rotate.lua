--- Captures on a device into files of a minute each, of which the last ten stay. `pcap rotate` is
-- the whole program: it is in lua/pcap/command/rotate.lua.
--
--   luajit examples/rotate.lua device [expression]

local pcap = require "pcap"

local cap = assert(pcap.open_live { device = arg[1], timeout = 1 })
assert(cap:set_filter(table.concat(arg, " ", 2)))
local dumper = assert(cap:dump_open("%Y%m%d-%H%M.pcap", { rotate = { seconds = 60, keep = 10 } }))
repeat
  for pkt in cap:packets() do
    assert(dumper:dump(pkt))
  end
  assert(dumper:tick()) -- a file ends though no packet comes
until cap:ending() ~= "timeout"
assert(dumper:close())
