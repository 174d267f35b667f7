--- Part of `make bench`, as root: packets captured over a veth pair, by a C program with
-- pcap_dispatch and by us, with the same ring. What counts is what is lost at full speed, and the
-- time on a CPU.

local pair = require "bench.pair"
local stats = require "bench.stats"

local live = {}

-- A file is sent again and again: tcpreplay takes seconds to load a long one.
local IN_FILE, TIMES = 100000, 20
local SENT = IN_FILE * TIMES
local BUFFER_SIZE = 2 ^ 23 -- our default
local SPEEDS = { { name = "full speed", option = "--topspeed" },
  { name = "100,000 a second", option = "--pps=100000" } }

local function output(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- One round: starts the receiver, sends when it is ready. Gives what it counted, its nanoseconds on
-- a CPU for each packet, and the rate.
local function round(receiver, device, path, speed)
  local pipe = assert(io.popen(receiver))
  assert(pipe:read("*l") == "ready", "the receiver did not start")
  local report = output(("tcpreplay --quiet %s --loop=%d --preload-pcap -i %s %s")
    :format(speed, TIMES, device, path))
  local received, cpu = pipe:read("*n", "*n")
  pipe:close()
  return received, cpu / received * 1e9, tonumber(report:match "([%d.]+) pps")
end

local function compare(say, folder, rounds, speed, near, far)
  local lost, cpu, rates = { {}, {} }, { {}, {} }, {}
  for i = 1, rounds do
    local receivers = { ("%speer live %s %d"):format(folder, near, BUFFER_SIZE),
      "luajit bench/ours.lua live " .. near }
    for which, receiver in ipairs(receivers) do
      local received, rate
      received, cpu[which][i], rate = round(receiver, far, folder .. "live.pcap", speed.option)
      lost[which][i] = ("%d"):format(SENT - received)
      rates[#rates + 1] = rate
    end
  end
  say("Live at %s, %d packets of 64 bytes sent over a veth pair (%.0f a second, median), lost of "
    .. "them in each round, and nanoseconds on a CPU for each (median):", speed.name, SENT,
    stats.median(rates))
  say("")
  say("- C, pcap_dispatch: lost %s; %.1f ns", table.concat(lost[1], ", "), stats.median(cpu[1]))
  say("- ours, packets: lost %s; %.1f ns, C's time over ours %s", table.concat(lost[2], ", "),
    stats.median(cpu[2]), stats.spread(stats.ratios(cpu[1], cpu[2])))
  say("")
end

--- Prints a row for each receiver through `say`.
---@param say function      like string.format, to the report
---@param folder string     where the programs are, with a slash
---@param rounds integer
function live.compare(say, folder, rounds)
  assert(os.execute(("%sgenerate %d 64 > %slive.pcap"):format(folder, IN_FILE, folder)) == 0)
  local measured = output("command -v tcpreplay") ~= "" and pair.with(function(near, far)
    for _, speed in ipairs(SPEEDS) do
      compare(say, folder, rounds, speed, near, far)
    end
  end)
  if not measured then
    say("Live: not measured, which takes root, iproute2 and tcpreplay.")
  end
end

return live
