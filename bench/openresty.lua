--- `make bench-openresty`: pcap.resty in a real nginx, beside the loop around ngx.sleep(0.001) that
-- people write today, beside a C program with pcap_dispatch, and beside nginx without a capture.
-- All are measured in turn, in one run. Needs root, for a veth pair.

package.path = "./?.lua;" .. package.path
local stats = require "bench.stats"
local net = require "spec.support.net"
local resty = require "spec.support.resty"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

local IDLE_SECONDS, HTTP_SECONDS = 5, 3
local HTTP_RATE = 100000 -- packets a second beside HTTP
local PACKETS = 200000
-- What a packet costs is measured over so many: the first ones also pay for compiling, and for the
-- first use of the buffer's memory.
local COST_PACKETS = 1000000
local BUFFER_SIZE = 2 ^ 24
local ROUNDS = tonumber(os.getenv "BENCH_ROUNDS") or 5
local FULL_SPEED = 1e9 -- more than any sender reaches
local RATES = { 50000, 100000, 200000, 300000, 400000, 600000, 800000, 1000000, 1500000 }

if not net.is_privileged() then
  io.stderr:write("bench-openresty needs root, for a veth pair of its own\n")
  os.exit(1)
end

local a, b, remove_veth = net.veth()
local folder, remove_folder = shell.folder()
local packets = traffic.write(folder .. "/many.pcap", PACKETS)
local few = traffic.write(folder .. "/few.pcap", 500)
local cost_packets = traffic.write(folder .. "/cost.pcap", COST_PACKETS)
local slow_packets = traffic.write(folder .. "/slow.pcap", COST_PACKETS / 5)

-- The callback of all: counts, and keeps how late each packet is when asked to.
local COMMON = ([[
  count, late, keep, work = 0, {}, false, 0
  local shim, clock = require "pcap.core.shim", require("pcap.packet").new(0)
  function on_packet(pkt)
    count = count + 1
    if work > 0 then
      local till = shim.luapcap_monotonic() + work
      while shim.luapcap_monotonic() < till do end
    elseif keep then
      shim.luapcap_now(clock)
      late[#late + 1] = clock.sec - pkt.sec + (clock.nsec - pkt.nsec) / 1e9
    end
  end
  options = { device = %q, filter = %q, buffer_size = %d, precision = "nano",
    immediate = IMMEDIATE }
]]):format(a, traffic.FILTER, BUFFER_SIZE)

local VARIANTS = {
  { name = "no capture", code = "" },
  { name = "pcap.resty", code = [[
      loop = assert(require("pcap.resty").start(options, on_packet))
      cap = loop.capture]] },
  { name = "sleep loop", code = [[
      local pcap = require "pcap"
      local filter = options.filter
      options.filter = nil
      cap = assert(pcap.open_live(options))
      assert(cap:set_filter(filter))
      local function poll()
        while not ngx.worker.exiting() do
          for pkt in cap:packets() do on_packet(pkt) end
          ngx.sleep(0.001)
        end
      end
      ngx.timer.at(0, poll)]] },
}

local function serve(variant, immediate)
  local common = COMMON:gsub("IMMEDIATE", tostring(immediate or false))
  return resty.serve { http = "init_worker_by_lua_block {" .. common .. variant.code .. "}" }
end

-- Seconds on a CPU and voluntary switches of a process, its threads included.
local function usage(pid)
  local cpu = shell.run("cat /proc/%s/task/*/schedstat | awk '{ sum += $1 } END { print sum }'",
    pid)
  return tonumber(cpu) / 1e9, resty.switches(pid)
end

local function measure_idle(variant)
  local server = serve(variant)
  local pid = server:workers()[1]
  shell.run "sleep 1"
  local cpu, switches = usage(pid)
  shell.run("sleep " .. IDLE_SECONDS)
  local cpu_after, switches_after = usage(pid)
  server:remove()
  return ("%.2f %%"):format((cpu_after - cpu) / IDLE_SECONDS * 100),
    ("%.1f"):format((switches_after - switches) / IDLE_SECONDS)
end

local function measure_latency(variant, immediate)
  local server = serve(variant, immediate)
  shell.run "sleep 0.2"
  resty.run(server, "keep = true")
  traffic.replay(few, b, 250)
  shell.run "sleep 0.1"
  local text = resty.run(server, [[
    table.sort(late)
    return ("%.0f / %.0f us"):format(late[math.ceil(#late / 2)] * 1e6,
      late[math.ceil(#late * 0.99)] * 1e6)]])
  server:remove()
  return text
end

-- The highest rate at which nothing was lost, as tcpreplay reached it.
local function measure_rate(variant)
  local best = 0
  for _, rate in ipairs(RATES) do
    local server = serve(variant)
    shell.run "sleep 0.2"
    local path = packets
    local sent, reached = traffic.replay(path, b, rate)
    shell.run "sleep 0.3"
    local count = tonumber(resty.run(server, "return count"))
    server:remove()
    if count < sent then
      break
    end
    best = math.max(best, reached)
  end
  return ("%.0f"):format(best)
end

-- Nanoseconds that a packet costs the worker, its threads included.
local function cost(variant, path, rate, immediate)
  local server = serve(variant, immediate)
  local pid = server:workers()[1]
  shell.run "sleep 0.2"
  local before = usage(pid)
  traffic.replay(path, b, rate)
  shell.run "sleep 0.1"
  local after = usage(pid)
  local count = tonumber(resty.run(server, "return count"))
  server:remove()
  return (after - before) / count * 1e9
end

-- The same of a C program with pcap_dispatch.
local function cost_in_c(rate)
  local pipe = assert(io.popen(("build/bench/peer live %s %d"):format(a, BUFFER_SIZE)))
  assert(pipe:read "*l" == "ready", "the C program did not start")
  traffic.replay(cost_packets, b, rate)
  local count, cpu = pipe:read("*n", "*n")
  pipe:close()
  return cpu / count * 1e9
end

-- With traffic if `work` is given: seconds that the callback takes for each packet.
local function measure_http(variant, work)
  local server = serve(variant)
  local pipe
  if work then
    resty.run(server, "work = " .. work)
    pipe = io.popen(("timeout %d tcpreplay --preload-pcap --loop=0 --pps=%d -i %s %s 2>&1")
      :format(HTTP_SECONDS + 2, HTTP_RATE, b, packets))
    shell.run "sleep 1"
  end
  local output = shell.run("wrk -t1 -c4 -d%ss --latency http://127.0.0.1:%s/hello", HTTP_SECONDS,
    server.port)
  if pipe then
    pipe:read "*a"
    pipe:close()
  end
  server:remove()
  if output:find "\n%s*0 requests in" then
    return "no answer"
  end
  return output:match "50%%%s+(%S+)" .. " / " .. output:match "99%%%s+(%S+)"
end

local rows = {
  { "idle: CPU", function(v) return (measure_idle(v)) end },
  { "idle: wake-ups a second", function(v) return (select(2, measure_idle(v))) end },
  { "latency p50 / p99, immediate", function(v) return measure_latency(v, true) end },
  { "latency p50 / p99, blocks", function(v) return measure_latency(v, false) end },
  { "packets a second without loss *", measure_rate },
  { "HTTP p50 / p99, no traffic", function(v) return measure_http(v) end },
  { "HTTP p50 / p99, 100,000 packets a second", function(v) return measure_http(v, 0) end },
  { "HTTP p50 / p99, overload: 20 us a packet", function(v) return measure_http(v, 20e-6) end },
}

local OURS, SLEEP_LOOP = VARIANTS[2], VARIANTS[3]

-- What is compared: a name, what it costs, the name and the cost of the other, and the ratio that
-- is at most allowed, if any.
local function cost_row(name, measure, other, measure_other, most)
  local own, others = {}, {}
  for round = 1, ROUNDS do
    own[round], others[round] = measure(), measure_other()
  end
  print(("%-42s%4.0f ns, %-26s%4.0f ns: %s%s"):format(name, stats.median(own), other,
    stats.median(others), stats.spread(stats.ratios(own, others)),
    most and (", at most %.1f"):format(most) or ""))
end

local function print_costs()
  print(("\nCPU time a packet of 60 bytes, medians of %d rounds, and their ratio:"):format(ROUNDS))
  for _, speed in ipairs { { "100,000 a second", 100000 }, { "full speed", FULL_SPEED } } do
    local rate = speed[2]
    cost_row("pcap.resty, " .. speed[1], function() return cost(OURS, cost_packets, rate) end,
      "C, pcap_dispatch", function() return cost_in_c(rate) end, 1.6)
    cost_row("sleep loop, " .. speed[1],
      function() return cost(SLEEP_LOOP, cost_packets, rate) end,
      "C, pcap_dispatch", function() return cost_in_c(rate) end)
  end
  cost_row("pcap.resty, 20,000 a second, immediate",
    function() return cost(OURS, slow_packets, 20000, true) end,
    "not immediate", function() return cost(OURS, slow_packets, 20000) end, 3)
end

local ran, problem = pcall(function()
  io.write(("%-42s"):format(""))
  for _, variant in ipairs(VARIANTS) do
    io.write(("%-22s"):format(variant.name))
  end
  io.write "\n"
  for i, row in ipairs(rows) do
    io.write(("%-42s"):format(row[1]))
    for _, variant in ipairs(VARIANTS) do
      local captures = variant.code ~= ""
      io.write(("%-22s"):format((captures or i < 3 or i > 5) and row[2](variant) or "-"))
      io.flush()
    end
    io.write "\n"
  end
  io.write "* of what can be sent on this machine\n"
  print_costs()
end)
remove_veth()
remove_folder()
if not ran then
  error(problem, 0)
end
