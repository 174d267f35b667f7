--- Part of `make bench`: following a file that another process writes at 200,000 packets a second,
-- beside reading it once.
--
-- As a program it is the following itself: follow.lua FILE PACKETS.

local run = require "bench.run_one"
local stats = require "bench.stats"

local follow = {}

local RATE, SECONDS = 200000, 5

local function following(path, wanted)
  local pcap = require "pcap"
  local cap = assert(pcap.open_offline(path, { follow = true, timeout = 2 }))
  local packets, sum = 0, 0
  repeat
    for pkt in cap:packets(wanted - packets) do
      packets = packets + 1
      sum = sum + pkt.caplen + pkt.data[0]
    end
  until cap:ending() ~= "break"
  print(("%d %d"):format(packets, sum))
end

--- Prints a line through `say`.
---@param say function      like string.format, to the report
---@param folder string     where the programs are, with a slash
---@param rounds integer
function follow.compare(say, folder, rounds)
  local path, ours, once = folder .. "followed.pcap", {}, {}
  for round = 1, rounds do
    os.remove(path)
    os.execute(("luajit bench/pace.lua %s %d %d &"):format(path, RATE, SECONDS))
    os.execute(("until [ -s %s ]; do sleep 0.01; done"):format(path))
    local _, own, seen = run(folder, ("luajit bench/follow.lua %s %d"):format(path,
      RATE * SECONDS))
    local _, plain, all = run(folder, "luajit bench/ours.lua packets " .. path)
    if seen ~= all then
      error(("following saw %s, reading once %s"):format(seen, all))
    end
    ours[round], once[round] = own, plain
  end
  os.remove(path)
  say("Following a file that another process writes at %d packets a second for %d seconds loses "
    .. "none of them, and takes %.0f ms of CPU. Reading the file once takes %.0f ms, so the ratio "
    .. "is %s, at most 1.20.", RATE, SECONDS, stats.median(ours) * 1000,
    stats.median(once) * 1000, stats.spread(stats.ratios(ours, once)))
end

if arg and arg[0] and arg[0]:find "follow%.lua$" then
  following(arg[1], tonumber(arg[2]))
end

return follow
