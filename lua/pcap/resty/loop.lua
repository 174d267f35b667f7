--- Loops: each gives a capture's packets to a callback, in a light thread of the worker's own.

local check = require "pcap.core.check"
local core = require "pcap.capture"
local filter = require "pcap.filter"
local nginx = require "pcap.resty.nginx"
local options = require "pcap.core.options"
local packet = require "pcap.packet"
local resty_capture = require "pcap.resty.live"
local resty_options = require "pcap.resty.options"
local shim = require "pcap.core.shim"

local loop = {}

local Loop = { __name = "pcap loop" }
Loop.__index = Loop

-- Seconds between two log lines about errors in the callback, which may come with every packet.
local LOG_PAUSE = 0.1

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
    self._errors = self._errors + 1
    local now = shim.luapcap_monotonic()
    if now >= self._log_at then
      self._log_at = now + LOG_PAUSE
      ngx.log(ngx.ERR, "pcap.resty: callback error ", self._errors, ": ",
        debug.traceback(tostring(problem), 2))
    end
  end
  return function(pkt)
    xpcall(callback, on_error, pkt)
  end
end

-- One turn of reading. Returns why the loop must end, or nil.
local function turn(self)
  local count, reason = resty_capture.drain(self.capture, self._callback)
  self._turns = self._turns + 1
  if count > 0 then
    self._packets = self._packets + count
    self._lag = lag_of(self.capture)
    self._max_lag = math.max(self._max_lag, self._lag)
  end
  if reason ~= "budget" then
    return reason
  end
end

local function call_on_exit(self, reason)
  local on_exit = resty_capture.on_exit(self.capture)
  if not on_exit then
    if reason ~= "closed" then
      ngx.log(ngx.ERR, "pcap.resty: the capture ended: ", reason)
    end
    return
  end
  local called, problem = xpcall(on_exit, debug.traceback, reason, self)
  if not called then
    ngx.log(ngx.ERR, "pcap.resty: on_exit: ", problem)
  end
end

local function finish(self, reason)
  nginx.at_exit(self, nil)
  self._running = false
  self._final = self:stats()
  self.capture:close()
  call_on_exit(self, reason)
end

local function run(premature, self)
  local capture, reason = self.capture, premature and "closed" or nil
  while self._running and not reason do
    local ready, ending = resty_capture.wait(capture)
    if ready then
      reason = turn(self)
    elseif ending ~= "timeout" then
      reason = ending
    end
  end
  finish(self, reason or "closed")
end

--- Calls a function for each packet of a capture from here on, until stop() or the capture's end.
--
-- Each turn takes the capture's budget of the worker's time. The packet is valid during the call.
-- If the callback raises an error, the error is counted and logged with its traceback, at most ten
-- lines a second, and the loop goes on. When the worker exits, the loop ends.
---@param source table       options as capture.open takes them, and
--- on_exit (function(reason, loop), called once at the end with "closed" or what went wrong, but
--- not when nginx ends by TERM; without it an error is logged); or a capture of open() or take(),
--- which the loop then owns
---@param callback function  callback(pkt)
---@return table|nil loop
---@return string|nil message  why not; with a loop, the capture's warning if any
function loop.start(source, callback)
  nginx.require_worker("start")
  if type(callback) ~= "function" then
    check.fail(2, "start", "function expected, got " .. type(callback))
  end
  local capture, message = source, nil
  if getmetatable(source) == core.class then
    check.fail(1, "start", "capture of pcap.resty expected, got one of pcap")
  elseif getmetatable(source) ~= resty_capture.class then
    local opts = options.read(source, 1, "start", resty_options.OPTIONS)
    capture, message = resty_capture.make(opts)
  elseif resty_capture.loop_of(capture) then
    check.fail(1, "start", "a loop has the capture already")
  elseif not core.is_open(capture) then
    check.fail(1, "start", "the capture has been closed")
  end
  if not capture then
    return nil, message
  end
  local self = setmetatable({
    capture = capture, _running = true, _final = false,
    _packets = 0, _turns = 0, _errors = 0, _lag = 0, _max_lag = 0, _log_at = 0,
  }, Loop)
  self._callback = guard(self, callback)
  resty_capture.give(capture, self)
  local set, problem = nginx.at_exit(self, function() self:stop() end)
  if set then
    set, problem = ngx.timer.at(0, run, self)
  end
  if not set then
    nginx.at_exit(self, nil)
    capture:close()
    return nil, "cannot start a timer: " .. problem
  end
  return self, message
end

--- What the loop has done.
---@return table stats  packets (given to the callback), turns, callback_errors; lag, the seconds
--- from the arrival of the latest turn's last packet to the end of that turn; max_lag, the longest
--- since stats() was called last; received, dropped and if_dropped, as cap:stats() gives them
function Loop:stats()
  if self._final then
    return self._final
  end
  local stats = {
    packets = self._packets, turns = self._turns, callback_errors = self._errors,
    lag = self._lag, max_lag = self._max_lag,
  }
  self._max_lag = 0
  local counts = core.is_open(self.capture) and self.capture:stats()
  for name, value in pairs(counts or {}) do
    stats[name] = value
  end
  return stats
end

--- Changes the capture's filter while the loop runs.
---@param expression string|table
---@return table|nil loop      itself
---@return string|nil message  libpcap's, if the expression is bad; then nothing has changed
---pcap_compile, pcap_setfilter
function Loop:set_filter(expression)
  if not filter.source(expression) then
    check.cstring(expression, 1, "set_filter")
  end
  if not self._running then
    return nil, "the loop has ended"
  end
  local set, message = self.capture:set_filter(expression)
  return set and self or nil, message
end

--- Ends the loop. No more packets are delivered, the capture is closed, and on_exit is called with
-- "closed". Stopping the loop again does nothing.
function Loop:stop()
  self._running = false
  resty_capture.stop(self.capture)
end

return loop
