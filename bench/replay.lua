--- Part of `make bench`, as root: `pcap replay` and tcpreplay over a veth pair.

local pair = require "bench.pair"
local run = require "bench.run_one"
local stats = require "bench.stats"

local replay = {}

local PACKETS = 200000
local WAYS = { { "as fast as possible", "-t" }, { "50,000 packets a second", "-p 50000" } }

--- Prints a row for each speed through `say`.
---@param say function      like string.format, to the report
---@param folder string     where the programs are, with a slash
---@param rounds integer
function replay.compare(say, folder, rounds)
  local path = folder .. "replayed.pcap"
  os.execute(("%sgenerate %d 64 pcap > %s"):format(folder, PACKETS, path))
  local results = {}
  local measured = os.execute "tcpreplay -V >/dev/null 2>&1" == 0 and pair.with(function(near)
    for which, way in ipairs(WAYS) do
      local times, theirs = {}, {}
      for round = 1, rounds do
        theirs[round] = run(folder, ("tcpreplay --quiet -i %s %s %s"):format(near, way[2], path))
        times[round] = run(folder, ("bin/pcap replay -i %s %s %s"):format(near, way[2], path))
      end
      results[which] = { stats.median(theirs), stats.median(times),
        stats.spread(stats.ratios(theirs, times)) }
    end
  end)
  os.remove(path)
  if not measured then
    say("Replaying: not measured, which takes root, iproute2 and tcpreplay.")
    return
  end
  say("Replaying %d packets of 64 bytes over a veth pair:", PACKETS)
  say("")
  say("| speed | tcpreplay, seconds | pcap replay | its time / ours |")
  say("|---|---|---|---|")
  for which, way in ipairs(WAYS) do
    say("| %s | %.2f | %.2f | %s |", way[1], unpack(results[which]))
  end
end

return replay
