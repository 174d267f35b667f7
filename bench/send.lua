--- Part of `make bench`, as root: sending over a veth pair, by a C loop of pcap_inject, by a loop
-- of ours, and by inject_all. What counts is the ratio of C's time to ours in one round.
--
-- As a program it is the sending itself: send.lua inject|inject_all DEVICE COUNT.

local pair = require "bench.pair"
local stats = require "bench.stats"

local send = {}

local COUNT = 300000

local function sending(work, device, count)
  local pcap = require "pcap"
  local monotonic = require("pcap.core.shim").luapcap_monotonic
  local packet = ("\255"):rep(6) .. "\2\0\0\0\0\1\x88\xb5" .. ("\0"):rep(50)
  local cap, list = assert(pcap.open_live(device)), {}
  for i = 1, count do list[i] = packet end
  local start = monotonic()
  if work == "inject_all" then
    assert(cap:inject_all(list) == count)
  else
    for i = 1, count do assert(cap:inject(list[i])) end
  end
  print(("%.6f"):format(monotonic() - start))
end

local function seconds(command)
  local pipe = assert(io.popen(command))
  local time = pipe:read("*n")
  pipe:close()
  return assert(time, command)
end

--- Prints a row for each way to send through `say`.
---@param say function      like string.format, to the report
---@param folder string     where the programs are, with a slash
---@param rounds integer
function send.compare(say, folder, rounds)
  local ways = { "C, pcap_inject", "ours, inject", "ours, inject_all" }
  local commands = { folder .. "inject", "luajit bench/send.lua inject",
    "luajit bench/send.lua inject_all" }
  local times = { {}, {}, {} }
  local measured = pair.with(function(near)
    for round = 1, rounds do
      for way, command in ipairs(commands) do
        times[way][round] = seconds(("%s %s %d"):format(command, near, COUNT))
      end
    end
  end)
  if not measured then
    say("Sending: not measured, which takes root and iproute2.")
    return
  end
  say("Sending %d packets of 64 bytes over a veth pair:", COUNT)
  say("")
  say("| way | ns/packet | C time / ours |")
  say("|---|---|---|")
  for way, name in ipairs(ways) do
    say("| %s | %.0f | %s |", name, stats.median(times[way]) * 1e9 / COUNT,
      stats.spread(stats.ratios(times[1], times[way])))
  end
end

if arg and arg[0] and arg[0]:find "send%.lua$" then
  sending(arg[1], arg[2], tonumber(arg[3]))
end

return send
