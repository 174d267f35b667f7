--- The options of captures inside nginx: open_live's and pcap.resty's own.

local fanout = require "pcap.capture.fanout"
local filter = require "pcap.filter"
local live = require "pcap.source.live"
local options = require "pcap.core.options"

local resty_options = {}

--- How many seconds a turn may keep the worker from its other work, by the kind of waiter. A waiter
-- that sleeps for milliseconds has to take more in one turn.
resty_options.BUDGET = { thread = 0.0005, sleep = 0.002 }

--- Bytes of the kernel's buffer. They hold 100,000 small packets a second for one second, because a
-- worker may be busy.
resty_options.BUFFER_SIZE = 3 * 2 ^ 23

--- Seconds that the kernel may keep packets. The ring has 96 blocks, so this is enough for a stall
-- of 1.4 seconds. Joining a fanout group takes as long, and a reload loses the packets of that
-- time.
resty_options.BUFFER_TIMEOUT = 0.015

local own_options = {
  fanout = fanout.option,
  filter = function(value)
    if filter.source(value) then
      return value
    end
    return options.cstring(value)
  end,
  budget = function(value)
    if type(value) == "number" and value > 0 and value <= 1 then
      return value
    end
    return nil, "seconds, up to 1"
  end,
  on_exit = function(value)
    if type(value) == "function" then
      return value
    end
    return nil, "function"
  end,
  waiter = function(value)
    return resty_options.BUDGET[value] and value, '"thread" or "sleep"'
  end,
}

--- By name.
resty_options.OPTIONS = setmetatable({}, { __index = function(_, key)
  return own_options[key] or live.OPTIONS[key]
end })

return resty_options
