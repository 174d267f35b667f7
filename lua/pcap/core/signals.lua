--- Signals: how a handler in Lua gets to run while a capture is read in compiled code, or waits.
--
-- A handler in Lua (luaposix's, or Ctrl-C in LuaJIT's own program) runs from a debug hook, which
-- the C handler sets. Compiled code looks at no hooks. So readers leave it now and then, and look
-- again between holding signals back and a wait that lets them through.

local ffi = require "ffi"
local capture = require "pcap.capture"
local shim = require "pcap.core.shim"

local gethook, monotonic = debug.gethook, shim.luapcap_monotonic

local signals = {}

-- How long a handler waits for its turn while packets are read in compiled code, in seconds, and
-- how many packets that is at the most: a look costs as much as some packets do.
local PERIOD, LONGEST = 0.005, 2048

-- How many packets until the next look, from one look to the next, and when the last one was.
local left, stride, looked_at = 1, 1, 0

-- Held signals that no wait uses at the moment.
local spare = ffi.new("luapcap_signals")

--- Counts a packet that is read in compiled code. True when it is time to look().
---@return boolean
function signals.due()
  left = left - 1
  return left <= 0
end

--- Leaves compiled code, so that signals' handlers in Lua run that have come until now. They may
-- raise an error, and may close or break off any capture: see capture.interrupted().
function signals.look()
  gethook() -- a function that LuaJIT does not compile
  local now = monotonic()
  -- No math.min(): a handler of luaposix may leave it one argument more.
  local wanted, most = stride * PERIOD / (now - looked_at), stride * 2
  most = most < LONGEST and most or LONGEST
  stride = wanted < 1 and 1 or wanted < most and wanted or most
  left, looked_at = stride, now
end

-- Runs with signals held back, but for the wait itself.
local function hold_and_wait(held, self, wait, object, timeout)
  shim.luapcap_signals_hold(held)
  gethook()
  local reason = capture.interrupted(self)
  if reason then
    shim.luapcap_signals_release(held)
    return nil, reason
  end
  return wait(object, timeout, held)
end

--- Waits, unless a signal's handler has broken the capture off or closed it. A signal that came
-- before ends the wait like one that comes during it.
---@param self table        the capture
---@param wait ffi.cdata*   a function of the shim as luapcap_wait_fd(object, timeout, signals)
---@param object any        its first argument
---@param timeout number    seconds
---@return integer|nil status  1 for a reason to read, 0 when the time is over, 2 after a signal:
--- look at the time that is left and wait on; -1 when it cannot wait, with ffi.errno()
---@return string|nil reason   "break" or "closed"
function signals.wait(self, wait, object, timeout)
  local held = spare or ffi.new("luapcap_signals")
  spare = false -- a handler may wait as well
  local called, status, reason = pcall(hold_and_wait, held, self, wait, object, timeout)
  if not called then
    shim.luapcap_signals_release(held)
  end
  spare = held
  if not called then
    error(status, 0)
  end
  return status, reason
end

return signals
