--- Loops: each gives a capture's packets to a callback, in a light thread of the worker's own.

local check = require "pcap.core.check"
local core = require "pcap.capture"
local filter = require "pcap.filter"
local life = require "pcap.resty.life"
local nginx = require "pcap.resty.nginx"
local opening = require "pcap.resty.opening"
local options = require "pcap.core.options"
local place = require "pcap.core.place"
local resty_capture = require "pcap.resty.live"
local resty_options = require "pcap.resty.options"

local loop = {}

local Loop = { __name = "pcap loop" }
Loop.__index = Loop

-- Begins a loop; the other arguments are those of life.new().
local function begin(warning, ...)
  local self = setmetatable(life.new(...), Loop)
  local begun, problem = life.begin(self)
  if not begun then
    return nil, problem
  end
  return self, warning
end

--- Calls a function for each packet of a capture from here on, until stop() or the capture's end.
--
-- Each turn takes the capture's budget of the worker's time. The packet is valid during the call.
-- If the callback raises an error, the error is counted and logged with its traceback, at most ten
-- lines a second, and the loop goes on. When the worker exits, the loop ends.
---@param source table       options as opening.open takes them; or a capture of open() or take(),
--- which the loop then owns
---@param callback function  callback(pkt)
---@param opts? table        these may stand among the first argument's options too:
--- budget (seconds of a turn), on_exit (function(reason, loop), called once at the end with
--- "closed" or what went wrong, which is logged too; not when nginx ends by TERM), on_drop
--- (function(dropped, loop), called at most once a second if packets were lost, which is logged
--- too), restart (seconds: when the device fails or cannot be opened yet, the loop opens it every
--- so often, and goes on)
---@return table|nil loop
---@return string|nil message  why not; with a loop, the capture's warning if any, or why the device
--- cannot be opened yet
function loop.start(source, callback, opts)
  nginx.require_worker("start")
  local capture, message = source, nil
  local opened_with, may_work_later
  if getmetatable(source) == core.class then
    check.fail(1, "start", "capture of pcap.resty expected, got one of pcap")
  elseif getmetatable(source) ~= resty_capture.class then
    capture, opened_with = nil, options.read(source, 1, "start", resty_options.OPTIONS)
  elseif resty_capture.loop_of(capture) then
    check.fail(1, "start", "a loop has the capture already")
  elseif not core.is_open(capture) then
    check.fail(1, "start", "the capture has been closed")
  end
  if type(callback) ~= "function" then
    check.fail(2, "start", "function expected, got " .. type(callback))
  end
  opts = options.read(opts, 3, "start", resty_options.LOOP_OPTIONS)
  if capture then
    opened_with = resty_capture.options_of(capture)
  else
    capture, message, may_work_later = opening.make(opened_with)
    if not capture and not (may_work_later and (opts.restart or opened_with.restart)) then
      return nil, message
    end
  end
  return begin(message, capture, opts, opened_with, callback,
    not capture and nginx.bare(opened_with.device or "any", message) or nil)
end

--- Calls a function for each packet of a savefile that somebody still writes: for those that are
-- there, and for each that is added, until stop(). If another file comes to the path, or the file
-- has been cut off, the log says so, and the loop goes on with the file that is there now.
---@param fname string|integer|file*  as pcap.open_offline() takes it
---@param callback function  callback(pkt)
---@param opts? table        filter, precision, blocks, waiter, and those of start()
---@return table|nil loop
---@return string|nil message
function loop.follow(fname, callback, opts)
  nginx.require_worker("follow")
  local from = place.read(fname, "follow")
  if type(callback) ~= "function" then
    check.fail(2, "follow", "function expected, got " .. type(callback))
  end
  opts = options.read(opts, 3, "follow", resty_options.FOLLOW_OPTIONS)
  local capture, message = opening.follow(from, opts)
  if not capture then
    return nil, message
  end
  opts.device = from.name -- for the log
  return begin(nil, capture, {}, opts, callback)
end

--- What the loop has done.
---@return table stats  packets (given to the callback), turns, callback_errors; lag, the seconds
--- from the arrival of the latest turn's last packet to the end of that turn; max_lag, the longest
--- of the loop's life, and recent_lag, of its last minute or up to two; received, dropped and
--- if_dropped, as cap:stats() gives them
function Loop:stats()
  return life.stats(self)
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
  local set, message = life.set_filter(self, expression)
  return set and self or nil, message
end

--- Ends the loop. No more packets are delivered, the capture is closed, and on_exit is called with
-- "closed". Stopping the loop again does nothing.
function Loop:stop()
  life.stop(self)
end

function Loop:__tostring()
  return ("%s (%s, %s)"):format(Loop.__name, self._device, life.state(self))
end

return loop
