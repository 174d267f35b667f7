--- `make bench-openresty`: pcap.resty in a real nginx, beside the loop around ngx.sleep(0.001) that
-- people write today, and beside nginx without a capture. All are measured in turn, in one run.
-- Needs root, for a veth pair.

package.path = "./?.lua;" .. package.path
local net = require "spec.support.net"
local resty = require "spec.support.resty"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

local IDLE_SECONDS, HTTP_SECONDS = 5, 3
local HTTP_RATE = 100000 -- packets a second beside HTTP
local COST_RATE = 100000
local PACKETS = 200000
local RATES = { 50000, 100000, 200000, 300000, 400000, 600000, 800000, 1000000, 1500000 }

if not net.is_privileged() then
  io.stderr:write("bench-openresty needs root, for a veth pair of its own\n")
  os.exit(1)
end

local a, b, remove_veth = net.veth()
local folder, remove_folder = shell.folder()
local packets = traffic.write(folder .. "/many.pcap", PACKETS)
local few = traffic.write(folder .. "/few.pcap", 500)

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
  options = { device = %q, filter = %q, buffer_size = 16777216, precision = "nano",
    immediate = IMMEDIATE }
]]):format(a, traffic.FILTER)

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

-- What a packet costs the worker, its threads included.
local function measure_cost(variant)
  local server = serve(variant)
  local pid = server:workers()[1]
  shell.run "sleep 0.2"
  local before = usage(pid)
  local sent = traffic.replay(packets, b, COST_RATE)
  shell.run "sleep 0.1"
  local after = usage(pid)
  server:remove()
  return ("%.0f ns"):format((after - before) / sent * 1e9)
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
  { "CPU time a packet, 100,000 a second", measure_cost },
  { "packets a second without loss *", measure_rate },
  { "HTTP p50 / p99, no traffic", function(v) return measure_http(v) end },
  { "HTTP p50 / p99, 100,000 packets a second", function(v) return measure_http(v, 0) end },
  { "HTTP p50 / p99, overload: 20 us a packet", function(v) return measure_http(v, 20e-6) end },
}

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
      io.write(("%-22s"):format((captures or i < 3 or i > 6) and row[2](variant) or "-"))
      io.flush()
    end
    io.write "\n"
  end
  io.write "* of what tcpreplay can send on this machine\n"
end)
remove_veth()
remove_folder()
if not ran then
  error(problem, 0)
end
