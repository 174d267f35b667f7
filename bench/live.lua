--- Part of `make bench`, as root: packets at full speed over a veth pair, captured by a C program
-- with pcap_dispatch and by us, one at a time, with the same ring. What counts is what is lost.

local pair = require "bench.pair"
local stats = require "bench.stats"

local live = {}

local SENT = 1000000

local function output(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- One round: starts the receiver, sends when it is ready; gives what it counted, and the rate.
local function round(receiver, device, path)
  local pipe = assert(io.popen(receiver))
  assert(pipe:read("*l") == "ready", "the receiver did not start")
  local report = output(("tcpreplay --quiet --topspeed --preload-pcap -i %s %s")
    :format(device, path))
  local received = tonumber(pipe:read("*l"))
  pipe:close()
  return received, tonumber(report:match "([%d.]+) pps")
end

--- Prints a row for each receiver through `say`.
---@param say function      like string.format, to the report
---@param folder string     where the programs are, with a slash
---@param rounds integer
function live.compare(say, folder, rounds)
  local path = folder .. "live.pcap"
  assert(os.execute(("%sgenerate %d 64 > %s"):format(folder, SENT, path)) == 0)
  local lost, rates = { {}, {} }, {}
  local measured = output("command -v tcpreplay") ~= "" and pair.with(function(near, far)
    for i = 1, rounds do
      for which, receiver in ipairs { folder .. "peer live ", "luajit bench/ours.lua live " } do
        local received, rate = round(receiver .. near, far, path)
        lost[which][i] = ("%d"):format(SENT - received)
        rates[#rates + 1] = rate
      end
    end
  end)
  if not measured then
    say("Live: not measured, which takes root, iproute2 and tcpreplay.")
    return
  end
  say("Live, %d packets of 64 bytes sent over a veth pair at %.0f a second (median), lost of them "
    .. "in each round:", SENT, stats.median(rates))
  say("")
  say("- C, pcap_dispatch: %s", table.concat(lost[1], ", "))
  say("- ours, packets: %s", table.concat(lost[2], ", "))
end

return live
