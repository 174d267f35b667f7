--- Reads all packets of a capture for a subcommand: until the file ends or a signal comes.

local check = require "pcap.program.check"
local input = require "pcap.program.input"
local output = require "pcap.program.output"
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

local function packets(count, what)
  return ("%s %s\n"):format(output.number(count, "packet"), what)
end

-- What tcpdump prints at the end of a live capture. Only a device knows more than the first line.
local function show_counts(cap, count)
  local stats = cap:stats()
  io.stderr:write(packets(count, "captured"))
  if stats then
    io.stderr:write(packets(stats.received, "received by filter"),
      packets(stats.dropped, "dropped by kernel"))
    if stats.if_dropped > 0 then
      io.stderr:write(packets(stats.if_dropped, "dropped by interface"))
    end
  end
end

-- Calls take() with packets until the loop ends. `count` packets came before; gives how many it is
-- then, and whether reading is over. It is over after `seconds`, by the times of the packets. A
-- signal is looked for here because take() may be slow: the capture looks only now and then.
local function loop(cap, limit, take, show, count, seconds)
  local begun
  for pkt in cap:packets(limit) do
    if take(pkt, count + 1) == false then
      return count, true
    end
    count = count + 1
    begun = begun or pkt:timestamp()
    show()
    if stop.is_asked() or pkt:timestamp() - begun >= seconds then
      return count, true
    end
  end
  return count, false
end

-- Whether to go on after a loop ended. A capture whose reads do not wait is waited for here.
local function goes_on(cap, options, left)
  local ending = cap:ending()
  if stop.is_asked() or left <= 0 then
    return false
  elseif ending == "timeout" then
    if cap:nonblock() then
      cap:wait(left)
    end
    return true
  end
  return not ENDINGS[ending] and options.resume ~= nil and options.resume(ending)
end

-- The same take(), which hands on at once what it has printed.
local function flushing(take)
  return function(pkt, number)
    local going = take(pkt, number)
    check.written(io.flush())
    return going
  end
end

local function read_all(cap, options, take, show)
  local count, is_over = 0
  local stop_at = reading.clock() + (options.duration or math.huge)
  repeat
    count, is_over = loop(cap, options.count and options.count - count, take, show, count,
      math.max(stop_at - reading.clock(), 0))
    if options.pause and options.pause() == false then
      is_over = true
    end
  until is_over or not goes_on(cap, options, stop_at - reading.clock())
  return count
end

--- Calls take(pkt, number) with each packet, until that gives false. The options:
---
--- - `count`: the most packets; `duration`: the most seconds;
--- - `shows_counts`: whether to show at the end what tcpdump shows;
--- - `prints`: whether take() prints to stdout; `flushes`: whether each line is handed on at once;
--- - `files`: the captures whose progress is shown, by default `cap`;
--- - `pause()` is called when a capture has no packet for a moment, and at the end. If it gives
---   false, reading is over;
--- - `resume(ending)` says whether to go on after a failure or a change of the file;
--- - `close()` is called at the end, before the counts.
---@param cap table
---@param options table
---@param take fun(pkt: luapcap_packet, number: integer): boolean?
---@return integer count
---@return string|nil problem  why the capture ended early
function reading.each(cap, options, take)
  stop.on_signal(cap)
  local show = progress.new(options.files or { cap }, options.prints)
  local count = read_all(cap, options, options.flushes and flushing(take) or take, show)
  progress.clear()
  local ending = cap:ending()
  if options.close then
    options.close()
  end
  if options.shows_counts then
    if stop.is_asked() then
      io.stderr:write "\n" -- after the terminal's ^C
    end
    io.stdout:flush()
    show_counts(cap, count)
  end
  return count, not ENDINGS[ending] and input.about(cap, ending) or nil
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
-- capture has no packet for a moment, and with `-l` at once.
---@param args table  argparse's
---@return integer count
function reading.print(cap, args, is_live, take)
  return reading.all(cap, { count = args.count, duration = args.duration, shows_counts = is_live,
    prints = true, flushes = args.l, pause = function() check.written(io.flush()) end }, take)
end

return reading
