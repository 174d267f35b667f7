--- Sends the packets of savefiles on a device, with the timing that was recorded.
--
--   luajit examples/replay.lua [-x speed | -p packets | -M megabits | -t] [-l loops] -i device file

local HELP = [[
Usage: luajit examples/replay.lua [options] -i device file ...

Sends packets with the timing that was recorded. The letters are those of tcpreplay.

  -i device    where to send
  -x speed     so many times as fast as recorded (default 1)
  -p packets   so many packets a second
  -M megabits  so many megabits a second
  -t           as fast as possible
  -l loops     all files so many times (default 1; 0: until it is stopped)
  -L packets   no more than so many packets
  -f filter    only packets that match, see pcap-filter(7)
  -h           this text

Ctrl-C and SIGTERM end the program; it tells what it has sent. A packet that cannot be sent (it is
too long for the device) is counted, and the next one is sent. The status is 0; 1 if something
failed or a packet could not be sent; 2 if the arguments are wrong.]]

local folder = arg[0]:gsub("[^/]+$", "")
local arguments = dofile(folder .. "arguments.lua")
local stop_on_signal = dofile(folder .. "stop.lua")
local ffi = require "ffi"
local pcap = require "pcap"

ffi.cdef [[
  typedef struct { long sec, nsec; } luapcapexample_time;
  int luapcapexample_clock(int clock, luapcapexample_time *time) __asm__("clock_gettime");
]]
local MONOTONIC = jit.os == "OSX" and 6 or jit.os == "Linux" and 1 or 4
local clock = ffi.new "luapcapexample_time"

local function now()
  ffi.C.luapcapexample_clock(MONOTONIC, clock)
  return tonumber(clock.sec) + tonumber(clock.nsec) / 1e9
end

local check = arguments.check
local options, names = arguments.read(HELP, { i = "string", x = "number", p = "number",
  M = "number", t = "flag", l = "number", L = "number", f = "string" })
local speeds = 0
for letter in ("xpMt"):gmatch "." do
  if options[letter] then
    speeds = speeds + 1
    if options[letter] == 0 then
      arguments.misuse("-" .. letter .. " needs more than 0")
    end
  end
end
if not options.i then
  arguments.misuse "-i is missing"
elseif #names == 0 then
  arguments.misuse "there is no file to send"
elseif speeds > 1 then
  arguments.misuse "-x, -p, -M and -t exclude each other"
end

-- Packets that are sent with one call, at the most.
local BATCH = 256
-- The kernel wakes a program up so much late, in seconds. The rest is waited for awake.
local LATE = 0.0001

local device = check(pcap.open_live(options.i))
-- The device is only sent on. Without packets to read, a wait on it is a sleep that hears signals.
check(device:set_filter "len < 1")
local stopped = false
stop_on_signal { breakloop = function()
  stopped = true
  device:breakloop()
end }

-- Seconds between two moments at which signals are heard, while packets are sent without a sleep.
local PERIOD = 0.02
local hears_at = 0

local sent, bytes_sent, failed, cut = 0, 0, 0, 0
local taken, bytes_taken = 0, 0 -- so far, sent or not
local left = options.L or math.huge
local problem
local start = now()

-- When a packet is due. Within one file and loop, the recorded times count from its first packet.
local first_time, begun
local function due(pkt)
  if options.t then
    return 0
  elseif options.p then
    return start + taken / options.p
  elseif options.M then
    return start + bytes_taken * 8 / (options.M * 1e6)
  end
  local time = pkt:timestamp()
  if not first_time then
    first_time, begun = time, now()
  end
  return begun + (time - first_time) / (options.x or 1)
end

-- Waits until a moment. Returns false if the program is to end.
local function wait_until(moment)
  local time = moment - now()
  if time > LATE then
    device:wait(time - LATE)
  end
  while not stopped and now() < moment do end
  return not stopped
end

-- Sends a list of packets. One that cannot be sent is counted.
local function send(list)
  while #list > 0 do
    local done, message, before = device:inject_all(list)
    local count = done or before
    for i = 1, count do bytes_sent = bytes_sent + #list[i] end
    sent = sent + count
    if done then
      return
    end
    failed, problem = failed + 1, message
    local rest = {}
    for i = count + 2, #list do rest[#rest + 1] = list[i] end
    list = rest
  end
end

-- Sends one file. Packets that are due at the same time go together.
local function replay(cap)
  first_time = nil
  local pkt, reason = cap:next_packet()
  while pkt and left > 0 and wait_until(due(pkt)) do
    local list, moment = {}, now()
    repeat
      list[#list + 1] = pkt:bytes()
      taken, bytes_taken = taken + 1, bytes_taken + pkt.caplen
      cut = cut + (pkt.caplen < pkt.wirelen and 1 or 0)
      left = left - 1
      pkt, reason = cap:next_packet()
    until not pkt or left <= 0 or #list == BATCH or due(pkt) > moment
    send(list)
    if now() > hears_at then
      device:wait(0) -- signals are heard
      hears_at = now() + PERIOD
    end
  end
  if not pkt and reason ~= "closed" then
    problem = reason
    io.stderr:write("replay: ", reason, "\n")
  end
end

local loops = 0
repeat
  loops = loops + 1
  for _, name in ipairs(names) do
    local cap = check(pcap.open_offline(name, { precision = "nano" }))
    if cap:datalink() ~= device:datalink() then
      arguments.fail(("%s: its link type is %s, and that of %s is %s"):format(name,
        pcap.DLT[cap:datalink()], options.i, pcap.DLT[device:datalink()]))
    end
    if options.f then
      check(cap:set_filter(options.f))
    end
    if not stopped and left > 0 then
      replay(cap)
    end
    cap:close()
  end
until stopped or left <= 0 or loops == (options.l or 1) or taken == 0

local seconds = math.max(now() - start, 1e-6)
io.stderr:write(("%d packets (%.0f bytes) sent in %.2f seconds: %.0f packets, %.2f megabits a "
  .. "second\n"):format(sent, bytes_sent, seconds, sent / seconds, bytes_sent * 8 / seconds / 1e6))
if cut > 0 then
  io.stderr:write(cut, " of them were not recorded whole\n")
end
if failed > 0 then
  io.stderr:write(failed, " packets could not be sent: ", problem, "\n")
end
device:close()
os.exit(problem and 1 or 0)
