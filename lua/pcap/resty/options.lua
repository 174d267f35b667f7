--- The options of captures inside nginx: open_live's and pcap.resty's own.

local fanout = require "pcap.capture.fanout"
local filter = require "pcap.filter"
local live = require "pcap.source.live"
local options = require "pcap.core.options"
local waiter = require "pcap.resty.waiter"

local resty_options = {}

--- The kind of waiter that captures have by default.
resty_options.WAITER = waiter.KINDS.thread

--- Bytes of the kernel's buffer. They hold 100,000 small packets a second for one second, because a
-- worker may be busy.
resty_options.BUFFER_SIZE = 3 * 2 ^ 23

--- Seconds that the kernel may keep packets. The ring has 96 blocks, so this is enough for a stall
-- of 1.4 seconds. Joining a fanout group takes as long.
resty_options.BUFFER_TIMEOUT = 0.015

--- What loop.start takes beside a capture, by name.
resty_options.LOOP_OPTIONS = {
  budget = function(value)
    if type(value) == "number" and value > 0 and value <= 1 then
      return value
    end
    return nil, "seconds, up to 1"
  end,
  on_exit = options.callback,
  on_drop = options.callback,
  restart = function(value)
    if type(value) == "number" and value > 0 and value <= 86400 then
      return value
    end
    return nil, "seconds, up to 86400"
  end,
}

local own_options = {
  fanout = fanout.option,
  filter = function(value)
    if filter.source(value) then
      return value
    end
    return options.cstring(value)
  end,
  waiter = function(value)
    return waiter.KINDS[value], '"thread" or "sleep"'
  end,
}

--- What follow() takes, by name.
resty_options.FOLLOW_OPTIONS = {
  filter = own_options.filter,
  waiter = own_options.waiter,
  precision = options.precision,
  blocks = options.flag,
  budget = resty_options.LOOP_OPTIONS.budget,
  on_exit = options.callback,
}

--- What captures are opened with, by name.
resty_options.OPTIONS = setmetatable({}, { __index = function(_, key)
  return own_options[key] or resty_options.LOOP_OPTIONS[key] or live.OPTIONS[key]
end })

return resty_options
