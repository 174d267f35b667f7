--- Reads all packets of a capture for a subcommand: until the file ends or a signal comes.

local check = require "pcap.program.check"
local progress = require "pcap.program.progress"
local shim = require "pcap.core.shim"
local stop = require "pcap.program.stop"

local reading = {}

--- Seconds of a clock that only goes forward.
---@return number
function reading.clock()
  return shim.luapcap_monotonic()
end

-- What is no failure. In "timeout" a live capture goes on.
local ENDINGS = { closed = true, limit = true, ["break"] = true, timeout = true }

local function plural(count, what)
  return ("%d packet%s %s\n"):format(count, count == 1 and "" or "s", what)
end

-- What tcpdump prints at the end of a live capture.
local function show_counts(cap, count)
  local stats = cap:stats()
  if stats then
    io.stderr:write(plural(count, "captured"), plural(stats.received, "received by filter"),
      plural(stats.dropped, "dropped by kernel"))
    if stats.if_dropped > 0 then
      io.stderr:write(plural(stats.if_dropped, "dropped by interface"))
    end
  end
end

-- Calls take() with packets until the loop ends. `count` packets came before; gives how many it is
-- then. The loop ends after `seconds` too, by the times of the packets.
local function loop(cap, limit, take, show, count, seconds)
  local begun
  for pkt in cap:packets(limit) do
    count = count + 1
    begun = begun or pkt:timestamp()
    take(pkt, count)
    show()
    if pkt:timestamp() - begun >= seconds then
      return count, true
    end
  end
  return count, false
end

local function read_all(cap, options, take, show)
  local count, is_over = 0
  local stop_at = reading.clock() + (options.duration or math.huge)
  repeat
    count, is_over = loop(cap, options.count and options.count - count, take, show, count,
      math.max(stop_at - reading.clock(), 0))
    if options.pause then
      options.pause()
    end
  until is_over or cap:ending() ~= "timeout" or stop.is_asked() or reading.clock() >= stop_at
  return count
end

--- Calls take(pkt, number) with each packet.
---@param cap table
---@param options table  `count`: the most packets; `duration`: the most seconds; `is_live`: whether
--- to show at the end what tcpdump shows; `prints`: whether take() prints to stdout; `pause()`: is
--- called when a live capture has no packet for a moment, and at the end
---@param take fun(pkt: luapcap_packet, number: integer)
---@return integer count
---@return string|nil problem  why the capture ended early
function reading.each(cap, options, take)
  stop.on_signal(cap)
  local show = progress.new(cap, options.prints)
  local count = read_all(cap, options, take, show)
  show "done"
  local ending = cap:ending()
  if options.is_live then
    if stop.is_asked() then
      io.stderr:write "\n" -- after the terminal's ^C
    end
    io.stdout:flush()
    show_counts(cap, count)
  end
  return count, not ENDINGS[ending] and ending or nil
end

--- The same for a subcommand that has nothing to do after a failure.
---@return integer count
function reading.all(cap, options, take)
  local count, problem = reading.each(cap, options, take)
  if problem then
    check.written(io.stdout:flush())
    check.fail(problem)
  end
  return count
end

--- The same for a subcommand that prints as it reads. What it has printed is seen when a live
-- capture has no packet for a moment.
---@param args table  argparse's
---@return integer count
function reading.print(cap, args, is_live, take)
  return reading.all(cap, { count = args.count, duration = args.duration, is_live = is_live,
    prints = true, pause = function() check.written(io.flush()) end }, take)
end

return reading
