--- `make soak`: captures in a real nginx for half an hour, under traffic and HTTP load, while nginx
-- is reloaded, a worker is killed, and the interface vanishes and comes back. Beside it `pcap
-- rotate` records the same packets into files that rotate, which tcpdump counts. It tells how many
-- packets were lost or seen twice, and whether memory and descriptors grow. Needs root, for a veth
-- pair.
--
-- luajit bench/soak.lua [SECONDS [MODE [EVENTS]]]: MODE is "own" (workers open captures), "team"
-- (open_all). With "+alone" after it the fanout group has no rollover, with "+slow" workers take
-- 300 ms to start. EVENTS are played in turn, one a round, such as "reload,none,kill", and each at
-- least once.

package.path = "./?.lua;" .. package.path
local ffi = require "ffi"
local net = require "spec.support.net"
local resty = require "spec.support.resty"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

local SECONDS = tonumber(arg[1]) or 1800
local MODE = arg[2] or "own"
local EVENTS = arg[3] or "none,reload,none,none,reload,kill,none,reload,vanish"
local RATE, ROUND = 20000, 5 -- packets a second, seconds
local COUNT = RATE * ROUND
local FILE_BYTES = 1000000

if not net.is_privileged() then
  io.stderr:write("soak needs root, for a veth pair of its own\n")
  os.exit(1)
end

local a, b, remove_veth = net.veth()
local folder, remove_folder = shell.folder()
shell.run("chmod 777 %s", folder)
local packets = traffic.write(folder .. "/numbered.pcap", COUNT)
local counts_path = folder .. "/counts"

-- How often each number was seen, in a file that all workers map. A killed one leaves its counts.
local COUNTING = [[
  local ffi = require "ffi"
  ffi.cdef "void *soak_map(void *, size_t, int, int, int, long) __asm__(\"mmap\");"
  ffi.cdef "int soak_open(const char *, int) __asm__(\"open\");"
  local counts = ffi.cast("uint8_t *", ffi.C.soak_map(nil, $SIZE, 3, 1,
    ffi.C.soak_open("$COUNTS", 2), 0))
  function on_number(pkt)
    local number, data = 0, pkt.data
    for i = 14, 21 do number = number * 10 + data[i] - 48 end
    counts[number] = counts[number] + 1
  end]]

local OPTIONS = [[device = "$DEVICE", filter = "$FILTER", restart = 1,
  fanout = { id = 4799, type = "lb", rollover = $ROLLOVER }, buffer_size = 67108864]]

local function expand(text)
  return (text:gsub("%$(%u+)", { SIZE = COUNT + 1, COUNTS = counts_path, DEVICE = a,
    FILTER = traffic.FILTER, ROLLOVER = tostring(not MODE:find "+alone"),
    SECONDS = MODE:find "+slow" and 0.3 or 0 }))
end

-- What a worker does before it captures.
local STARTING = [[
  local started = os.clock()
  while os.clock() < started + $SECONDS do end ]]

local function serve()
  local is_team = MODE:find "^team"
  return resty.serve { workers = 2, http = expand((is_team and ([[
    init_by_lua_block { team = assert(require("pcap.resty").open_all(2, { ]] .. OPTIONS .. [[ })) }
    ]]) or "") .. "init_worker_by_lua_block {" .. COUNTING .. STARTING .. (is_team and [[
      local source, problem = team:take()
      if not source then return ngx.log(ngx.WARN, problem) end
      loop = require("pcap.resty").start(source, on_number) }]]
    or ([[ loop = assert(require("pcap.resty").start({ ]] .. OPTIONS .. [[ }, on_number)) }]]))) }
end

local function clear()
  shell.run("head -c %s /dev/zero > %s.part && cat %s.part | dd of=%s conv=notrunc status=none",
    COUNT + 1, counts_path, counts_path, counts_path)
end

local function tell_counts()
  local text, lost, twice = shell.read(counts_path), 0, 0
  local seen = ffi.cast("const uint8_t *", text)
  for i = 1, COUNT do
    lost = lost + (seen[i] == 0 and 1 or 0)
    twice = twice + (seen[i] > 1 and seen[i] - 1 or 0)
  end
  return lost, twice
end

-- Descriptors and megabytes of the processes together.
local function usage(server)
  local descriptors, kb = 0, 0
  for _, pid in ipairs { server:pid(), unpack(server:workers(true)) } do
    descriptors = descriptors + resty.descriptors(pid)
    kb = kb + tonumber(shell.run("awk '/^RssAnon/ { print $2 }' /proc/%s/status", pid))
  end
  return descriptors, kb / 1024
end

local play = {
  none = function() end,
  reload = function(server) server:signal "HUP" end,
  kill = function(server) shell.run("kill -KILL %s", server:workers(true)[1]) end,
  vanish = function() end,
}

-- What happens after a round, while no packets come.
local after = {
  vanish = function()
    shell.run("ip link del %s", a)
    shell.run "sleep 1.5"
    shell.run("ip link add %s type veth peer name %s", a, b)
    for _, device in ipairs { a, b } do
      shell.run("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1; ip link set %s up", device, device)
    end
    shell.run "sleep 3"
  end,
}

local function http_load(server)
  local path = folder .. "/load"
  shell.write(path, "")
  local pid = shell.run(([[
    while test -e %s; do
      curl -s -m 10 -o /dev/null http://127.0.0.1:%d/hello || echo failed >> %s.failed
    done >/dev/null 2>&1 & echo $!]]):format(path, server.port, path)):match "%d+"
  return function()
    os.remove(path)
    shell.try("for i in $(seq 200); do kill -0 %s 2>/dev/null || break; sleep 0.05; done", pid)
    return select(2, (shell.try("cat %s.failed 2>/dev/null", path)):gsub("failed", ""))
  end
end

-- Records into files that rotate. Gives a function that ends it and tells how many packets they
-- have.
local function record()
  local files = folder .. "/rotated-"
  local pid = shell.run("bin/pcap rotate -i %s -c %s -w %s%%05i.pcapng --bytes %s %s >%slog 2>&1 & "
    .. "echo $!", a, COUNT, files, FILE_BYTES, traffic.FILTER, files):match "%d+"
  shell.run("for i in $(seq 200); do grep -q listening %slog && break; sleep 0.05; done", files)
  return function()
    -- It ends when it has all packets. If it has not, it is ended after some seconds.
    shell.run("for i in $(seq 100); do kill -0 %s 2>/dev/null || break; sleep 0.05; done", pid)
    shell.run("kill -INT %s 2>/dev/null; while kill -0 %s 2>/dev/null; do sleep 0.05; done", pid,
      pid)
    local count = shell.run("for file in %s*.pcapng; do tcpdump --count -r $file 2>/dev/null; done"
      .. " | awk '{ sum += $1 } END { print sum + 0 }'", files)
    shell.run("rm %s*", files)
    return tonumber(count)
  end
end

-- One round with an event in its middle: packets sent, lost, seen twice, and recorded.
local function play_round(server, event)
  clear()
  local stop_recording = record()
  local finish = traffic.start(packets, b, RATE)
  shell.run("sleep %s", ROUND * 0.3)
  play[event](server)
  local sent, rate = finish()
  shell.run "sleep 0.5"
  local lost, twice = tell_counts()
  return sent, lost, twice, stop_recording(), rate
end

-- Plays rounds and prints each. Gives the sums of each event, and how many packets are in no file.
local function play_rounds(server)
  local events, totals, unrecorded = {}, {}, 0
  for event in EVENTS:gmatch "[^,]+" do
    events[#events + 1] = event
    totals[event] = { rounds = 0, lost = 0, twice = 0 }
  end
  local round, started = 0, os.time()
  while os.time() - started < SECONDS or round < #events do
    round = round + 1
    local event = events[(round - 1) % #events + 1]
    local sent, lost, twice, recorded, rate = play_round(server, event)
    local total = totals[event]
    print(("%5d s  %-7s %7d sent, %6.0f a second: %6d lost, %3d twice, %7d recorded; %4d "
      .. "descriptors, %5.1f MB"):format(os.time() - started, event, sent, rate, lost, twice,
      recorded, usage(server)))
    io.stdout:flush()
    total.rounds, total.lost, total.twice = total.rounds + 1, total.lost + lost, total.twice + twice
    unrecorded = unrecorded + sent - recorded
    if after[event] then after[event](server) end
  end
  return totals, unrecorded
end

local function soak(server)
  shell.run "sleep 1"
  local stop_load = http_load(server)
  local first_descriptors, first_memory = usage(server)
  local played, totals, unrecorded = pcall(play_rounds, server)
  shell.run "sleep 5"
  local failures = stop_load()
  if not played then error(totals, 0) end
  local descriptors, memory = usage(server)
  local is_sound = unrecorded == 0 and descriptors <= first_descriptors + 4
    and memory <= first_memory + 20
  for event, total in pairs(totals) do
    print(("%s: %d rounds of %d packets, %d lost, %d seen twice"):format(event, total.rounds, COUNT,
      total.lost, total.twice))
    local must_be_whole = event == "none" or event == "vanish"
    is_sound = is_sound and not (must_be_whole and total.lost + total.twice > 0)
  end
  print(("recorded into files that rotate: %d lost"):format(unrecorded))
  print(("descriptors %d, then %d; memory %.1f MB, then %.1f MB; %d HTTP requests failed")
    :format(first_descriptors, descriptors, first_memory, memory, failures))
  return is_sound
end

shell.write(counts_path, ("\0"):rep(COUNT + 1))
shell.run("chmod 666 %s", counts_path)
local server = serve()
local ended, is_sound = pcall(soak, server)
server:remove()
remove_veth()
remove_folder()
if not ended then error(is_sound, 0) end
os.exit(is_sound and 0 or 1)
