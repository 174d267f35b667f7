--- A loop's life: it begins, takes turns at reading, and ends with a reason.

local counts = require "pcap.resty.counts"
local guard = require "pcap.resty.guard"
local nginx = require "pcap.resty.nginx"
local packet = require "pcap.packet"
local resty_capture = require "pcap.resty.live"
local restart = require "pcap.resty.restart"
local semaphore = require "ngx.semaphore"
local waiting = require "pcap.resty.waiting"
local shim = require "pcap.core.shim"

local life = {}

-- Seconds between two looks at the kernel's counters, while packets come.
local LOOK_PAUSE = 1

local monotonic = shim.luapcap_monotonic
local clock = packet.new(0)

-- How long ago the packet that was read last arrived.
local function lag_of(capture)
  local sec, nsec = resty_capture.arrival(capture)
  shim.luapcap_now(clock)
  return clock.sec - sec + (clock.nsec - nsec) / 1e9
end

--- The fields of a loop. The loop owns the capture from here on.
---@param capture table|nil  of pcap.resty; nil if its device cannot be opened yet
---@param opts table         read with LOOP_OPTIONS
---@param opened_with table  what the capture is opened with, also again; the rest of `opts`
---@param callback function  start()'s
---@param problem? string    why there is no capture
function life.new(capture, opts, opened_with, callback, problem)
  local self = {
    capture = capture, _device = opened_with.device or "any", _opened_with = opened_with,
    _opts = setmetatable(opts, { __index = opened_with }), _problem = problem,
    _running = true, _begun = false, _ending = false, _counts = counts.new(),
    -- When to look at the kernel's counters next; and the earliest time when packets have come.
    _look_at = math.huge, _may_look_at = 0,
  }
  self._callback = guard.callback(self, callback)
  self._wake = self._opts.restart and semaphore.new()
  if capture then
    resty_capture.give(capture, self)
  end
  return self
end

local function look(self, now)
  self._look_at, self._may_look_at = math.huge, now + LOOK_PAUSE
  self._counts:look(self.capture)
  resty_capture.tell_drops(self.capture)
end

-- Reasons that only tell of a followed file: reading goes on with the one that is there now.
local TOLD = { rotated = true, truncated = true }

-- Reads until there is nothing more for now. Returns how many packets, and why it ended.
local function drain(self)
  local count, reason = resty_capture.drain(self.capture, self._callback, self._opts.budget)
  while TOLD[reason] do
    nginx.log(ngx.NOTICE, self._device, "the file has been " .. reason .. ", reading goes on with "
      .. "the one that is there now")
    local more
    more, reason = resty_capture.drain(self.capture, self._callback, self._opts.budget)
    count = count + more
  end
  return count, reason
end

-- One turn of reading. Returns why the loop must end, or nil.
local function turn(self)
  local count, reason = drain(self)
  local now = monotonic()
  self._counts:turn(count, count > 0 and lag_of(self.capture) or 0, now)
  self._look_at = self._may_look_at
  if now >= self._look_at then
    look(self, now)
  end
  if reason ~= "budget" then
    return reason
  end
end

-- Reads all that is there. Returns why there may be no more, or nil.
local function read_all(self)
  local count, reason
  repeat
    count, reason = drain(self)
    self._counts:turn(count, 0, monotonic())
  until reason ~= "budget"
  return reason
end

-- Reads the last packets of a capture that has left its fanout group.
local function read_rest(self)
  if not read_all(self) then
    waiting.read_open(self.capture)
    read_all(self)
  end
end

-- Logs why the loop has ended, and tells on_exit. The reason names the device.
local function tell_end(self)
  local reason, on_exit = self._ending, self._opts.on_exit
  if reason ~= "closed" then
    nginx.log(ngx.ERR, self._device, "the loop has ended: " .. reason)
    reason = nginx.about(self._device, reason)
  end
  if on_exit then
    nginx.call(self._device, "on_exit", on_exit, reason, self)
  end
end

local function finish(self, reason)
  nginx.watch(self, nil)
  self._running, self._ending = false, reason
  if self.capture then
    self._counts:look(self.capture)
    resty_capture.tell_drops(self.capture)
    self.capture:close()
  end
  tell_end(self)
end

-- Waits for packets and takes a turn. Returns why the loop must end, or nil.
local function step(self)
  if not self.capture then
    return self._problem
  end
  local ready, ending = waiting.wait(self.capture, math.max(self._look_at - monotonic(), 0))
  if ready then
    return turn(self)
  elseif ending ~= "timeout" then
    return ending
  end
  look(self, monotonic())
end

local function run(premature, self)
  if self._begun then
    return
  end
  self._begun = true
  local reason = premature and "closed" or nil
  while self._running and not reason do
    reason = step(self)
    if reason and reason ~= "closed" and self._opts.restart then
      reason = restart.wait(self, reason)
    end
  end
  if self._running and waiting.has_left(self.capture) then
    read_rest(self)
  end
  finish(self, reason or "closed")
end

-- Ends the loop when the worker exits. Begins the loop if the timer that should have begun it did
-- not run, because nginx had no connection or no light thread free. Nginx drops such a timer and
-- tells only its log.
local function tick(self, exiting)
  if exiting and waiting.lingers(self.capture) and self._begun and not self._problem then
    return -- it leaves by itself
  elseif exiting then
    life.stop(self)
    run(true, self)
  elseif not self._begun then
    nginx.log(ngx.WARN, self._device, "the loop has not begun, and tries again: nginx had no "
      .. "connection or timer free for it (worker_connections, lua_max_running_timers)")
    ngx.timer.at(0, run, self)
  end
end

local function set_going(self)
  local able, message = resty_capture.can_wait(self._opened_with)
  if not able then
    return nil, message
  end
  local set, problem = ngx.timer.at(0, run, self)
  if set then
    set, problem = nginx.watch(self, function(exiting) tick(self, exiting) end)
  end
  return set, not set and "cannot start a timer: " .. problem or nil
end

--- Sets a loop going.
---@return boolean|nil begun
---@return string|nil message  then the capture is closed
function life.begin(self)
  local set, problem = set_going(self)
  if not set then
    self._begun, self._running = true, false
    nginx.watch(self, nil)
    if self.capture then
      self.capture:close()
    end
    return nil, nginx.about(self._device, problem)
  end
  return true
end

--- See Loop:stats().
function life.stats(self)
  self._counts:look(self.capture)
  return self._counts:all()
end

--- See Loop:stop().
function life.stop(self)
  self._running = false
  if self.capture then
    resty_capture.stop(self.capture)
  end
  if self._wake then
    self._wake:post()
  end
end

--- Sets the filter, also that of captures which the loop will open again.
function life.set_filter(self, expression)
  local set, message = true, nil
  if not self._problem then
    set, message = self.capture:set_filter(expression)
  end
  if set then
    self._opened_with.filter = expression
  end
  return set, message
end

--- What a loop does now, or how it has ended, in words.
function life.state(self)
  if self._ending then
    return self._ending == "closed" and "ended" or "ended: " .. self._ending
  end
  if not self._running then
    return "stopping"
  elseif self._problem then
    return "waiting: " .. self._problem
  end
  return self._begun and "running" or "starting"
end

return life
