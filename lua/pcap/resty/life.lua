--- A loop's life: it begins, takes turns at reading, and ends with a reason.

local counts = require "pcap.resty.counts"
local nginx = require "pcap.resty.nginx"
local packet = require "pcap.packet"
local resty_capture = require "pcap.resty.live"
local shim = require "pcap.core.shim"

local life = {}

-- Seconds between two log lines about errors in the callback, which may come with every packet.
local LOG_PAUSE = 0.1
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

-- Keeps the callback's errors from the loop. Both functions are made once, not for each packet, so
-- that the call compiles.
local function guard(self, callback)
  local function on_error(problem)
    local count, now = self._counts:error(), monotonic()
    if now >= self._log_at then
      self._log_at = now + LOG_PAUSE
      nginx.log(ngx.ERR, self._device, ("callback error %d: %s"):format(count,
        debug.traceback(tostring(problem), 2)))
    end
  end
  return function(pkt)
    xpcall(callback, on_error, pkt)
  end
end

--- The fields of a loop. The loop owns the capture from here on.
---@param capture table      of pcap.resty
---@param opts table         read with LOOP_OPTIONS; what it lacks, the capture was opened with
---@param callback function  start()'s
function life.new(capture, opts, callback)
  local self = {
    capture = capture, _device = resty_capture.device_of(capture),
    _opts = setmetatable(opts, { __index = resty_capture.options_of(capture) }),
    _running = true, _begun = false, _ending = false, _counts = counts.new(), _log_at = 0,
    -- When to look at the kernel's counters next; and the earliest time when packets have come.
    _look_at = math.huge, _may_look_at = 0,
  }
  self._callback = guard(self, callback)
  resty_capture.give(capture, self)
  return self
end

local function look(self, now)
  self._look_at, self._may_look_at = math.huge, now + LOOK_PAUSE
  self._counts:look(self.capture)
end

-- One turn of reading. Returns why the loop must end, or nil.
local function turn(self)
  local count, reason = resty_capture.drain(self.capture, self._callback, self._opts.budget)
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

-- Logs why the loop has ended, and tells on_exit. The reason names the device.
local function tell_end(self)
  local reason, on_exit = self._ending, self._opts.on_exit
  if reason ~= "closed" then
    nginx.log(ngx.ERR, self._device, "the loop has ended: " .. reason)
    reason = nginx.about(self._device, reason)
  end
  local called, problem = true, nil
  if on_exit then
    called, problem = xpcall(on_exit, debug.traceback, reason, self)
  end
  if not called then
    nginx.log(ngx.ERR, self._device, "on_exit: " .. tostring(problem))
  end
end

local function finish(self, reason)
  nginx.watch(self, nil)
  self._running, self._ending = false, reason
  self._counts:look(self.capture)
  self.capture:close()
  tell_end(self)
end

local function run(premature, self)
  if self._begun then
    return
  end
  self._begun = true
  local capture, reason = self.capture, premature and "closed" or nil
  while self._running and not reason do
    local ready, ending = resty_capture.wait(capture, math.max(self._look_at - monotonic(), 0))
    if ready then
      reason = turn(self)
    elseif ending == "timeout" then
      look(self, monotonic())
    else
      reason = ending
    end
  end
  finish(self, reason or "closed")
end

-- Ends the loop when the worker exits. Begins the loop if the timer that should have begun it did
-- not run, because nginx had no connection or no light thread free. Nginx drops such a timer and
-- tells only its log.
local function tick(self, exiting)
  if exiting then
    life.stop(self)
    run(true, self)
  elseif not self._begun then
    nginx.log(ngx.WARN, self._device, "the loop has not begun, and tries again: nginx had no "
      .. "connection or timer free for it (worker_connections, lua_max_running_timers)")
    ngx.timer.at(0, run, self)
  end
end

local function set_going(self)
  local able, message = resty_capture.can_wait(self.capture)
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
    self.capture:close()
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
  resty_capture.stop(self.capture)
end

--- What a loop does now, or how it has ended, in words.
function life.state(self)
  if self._ending then
    return self._ending == "closed" and "ended" or "ended: " .. self._ending
  end
  return self._running and (self._begun and "running" or "starting") or "stopping"
end

return life
