--- Opens captures inside nginx, with their filter and fanout group.

local errand = require "pcap.resty.errand"
local fanout = require "pcap.capture.fanout"
local live = require "pcap.source.live"
local nginx = require "pcap.resty.nginx"
local offline = require "pcap.source.offline"
local options = require "pcap.core.options"
local own = require "pcap.resty.options"
local request = require "pcap.resty.request"
local resty_capture = require "pcap.resty.live"

local opening = {}

-- Joins a fanout group while other light threads run, if that can be. If the request ends in that
-- time, the capture is closed.
local function join(self, group)
  local may_wait = request.may_wait()
  request.own(self, may_wait and request.pair())
  local joined, message = fanout.join(self, group.id, group.type, group.flags,
    may_wait and ngx.sleep or nil)
  request.disown(self)
  return joined, message
end

-- Makes a capture one of nginx's, with its filter and fanout group.
local function adopt(self, message, opts)
  resty_capture.adopt(self, opts)
  local ready, problem, warning = self, nil, nil
  local filter = opts.filter
  if filter then
    ready, warning = self:set_filter(filter)
    problem = warning
  end
  local is_bad_filter = not ready
  if ready and opts.fanout then
    ready, problem = join(self, opts.fanout)
  end
  if ready and opts.filter ~= filter then -- a loop's, which has another one by now
    ready, warning = self:set_filter(opts.filter)
    problem, is_bad_filter = warning, not ready
  end
  if not ready then
    self:close()
    return nil, problem, not is_bad_filter
  end
  return self, message or warning
end

--- Opens a capture with options that have been read with own.OPTIONS.
---@return table|nil capture
---@return string|nil message  why not, naming the device; with a capture, a warning if any
---@return boolean|nil may_work_later  whether the same call may succeed at another time
function opening.make(opts)
  opts.buffer_size = opts.buffer_size or own.BUFFER_SIZE
  opts.buffer_timeout = opts.buffer_timeout or own.BUFFER_TIMEOUT
  -- The master closes what it opens by itself: a worker would inherit what a thread has not closed.
  local self, message = live.open(opts, nginx.is_worker() and errand or nil)
  if not self then
    return nil, nginx.explain(message), not nginx.lacks_privilege(message)
  end
  return adopt(self, message, opts)
end

--- Opens a savefile to follow it.
---@param from table  of place.read()
---@param opts table  read with own.FOLLOW_OPTIONS
function opening.follow(from, opts)
  local self, message = offline.open_place(from, { follow = true, precision = opts.precision,
    blocks = opts.blocks })
  if not self then
    return nil, message
  end
  return adopt(self, nil, opts)
end

--- Opens a live capture, to wait for its packets in a context of your own that may yield: a
-- request or a timer.
--
-- It has all methods of pcap.open_live's captures, also drain(), and a wait() that yields. If a
-- request opens it, it is closed when the request ends.
---@param opts table  open_live's options by name, and
--- filter (string, or a filter of pcap.compile), fanout ({id =, type =, rollover =, defrag =},
--- see set_fanout), budget (seconds of a turn, default 0.0005), waiter ("thread", default, or
--- "sleep": looks every 1 to 8 ms); also loop.start's, for the loop that will have the capture
---@return table|nil capture
---@return string|nil message  why not; with a capture, a warning if any
---pcap_create, pcap_activate
function opening.open(opts)
  opts = options.read(opts, 1, "open", own.OPTIONS)
  local owner, problem = request.pair()
  -- A waiter that sleeps works without sockets, too.
  if owner == nil and (opts.waiter or own.WAITER).needs_pair then
    return nil, nginx.about(opts.device or "any", problem)
  end
  local self, message = opening.make(opts)
  if self then
    request.own(self, owner)
  end
  return self, message
end

return opening
