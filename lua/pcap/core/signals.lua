--- Lets a signal's handler in Lua run while a capture is read in compiled code, or waits.
--
-- A handler in Lua (luaposix's, or Ctrl-C in LuaJIT's own program) runs from a debug hook, which
-- the C handler sets. Compiled code looks at no hooks. So readers leave compiled code now and then.
-- Before a long wait they hold signals back and look once more; the wait then lets signals through.

local ffi = require "ffi"
local capture = require "pcap.capture"
local shim = require "pcap.core.shim"
local status_codes = require "pcap.core.status"

local lost_hook = require("pcap.core.on_demand").module "pcap.core.lost_hook"

local gethook, monotonic = debug.gethook, shim.luapcap_monotonic
local TIME_OVER = status_codes.TIME_OVER

-- `handler` is a function without arguments, or nil. It is called where handlers in Lua run, for a
-- program that has noted signals in C.
local signals = {}

-- While packets are read in compiled code, a handler waits about so many seconds for its turn, and
-- so many packets at the most. A look costs as much as some packets do.
local PERIOD, LONGEST = 0.005, 2048

-- Packets until the next look; packets from one look to the next; when the last look was.
local left, stride, looked_at = 1, 1, 0

-- Held signals that no wait uses at the moment, and those of a wait that holds none.
local spare, not_held = ffi.new("luapcap_signals"), ffi.new("luapcap_signals")

-- To hold signals back takes two system calls. The first so many seconds of a wait do without, and
-- when packets come fast, a wait is over by then. Compiled code may wait as long without a look.
local BRIEF = 0.05
signals.BRIEF = BRIEF

-- LuaJIT does not compile gethook(). Before the call Lua runs the handlers of the signals that have
-- come so far. A handler's hook is one of C for the next instruction. If it is still there, it is
-- lost.
local function run_handlers()
  local hook, _, count = gethook()
  if hook == "external hook" and count == 1 then
    lost_hook.set_again()
  end
  local handler = signals.handler
  if handler then
    handler()
  end
end

--- Counts a packet that is read in compiled code. Returns true when it is time to look().
---@return boolean
function signals.due()
  left = left - 1
  return left <= 0
end

--- Counts the seconds that compiled code has waited, so that a look is due after so many.
---@param seconds number
function signals.waited(seconds)
  left, looked_at = left - stride * seconds / BRIEF, looked_at + seconds
end

--- Leaves compiled code, so that Lua runs the handlers of the signals that have come so far. A
-- handler may raise an error. It may close or break off any capture: see capture.interrupted().
function signals.look()
  run_handlers()
  local now = monotonic()
  -- No math.min(): after a handler of luaposix it may get one argument too many.
  local wanted, most = stride * PERIOD / (now - looked_at), stride * 2
  most = most < LONGEST and most or LONGEST
  stride = wanted < 1 and 1 or wanted < most and wanted or most
  left, looked_at = stride, now
end

-- Waits with the signals that are held, or with none held. One that comes just before a wait that
-- holds none does not end it, but is handled after it.
local function look_and_wait(held, self, wait, object, timeout)
  run_handlers()
  local reason = capture.interrupted(self)
  if reason then
    shim.luapcap_signals_release(held)
    return nil, reason
  end
  return wait(object, timeout, held)
end

-- Holds signals back, except during the wait itself.
local function hold_and_wait(held, ...)
  shim.luapcap_signals_hold(held)
  return look_and_wait(held, ...)
end

--- The same for a wait that goes on after a brief one: it holds signals from its beginning.
function signals.wait_on(self, wait, object, timeout)
  local held = spare or ffi.new("luapcap_signals")
  spare = false -- a handler may wait as well
  local called, status, reason = pcall(hold_and_wait, held, self, wait, object, timeout)
  if not called then
    shim.luapcap_signals_release(held)
  end
  spare = held
  left, looked_at = stride, monotonic() -- handlers have had their turn
  if not called then
    error(status, 0)
  end
  return status, reason
end

--- Waits, unless a signal's handler has broken the capture off or closed it. A signal that came
-- before the wait ends it, as one does that comes during it.
---@param self table        the capture
---@param wait ffi.cdata*   a function of the shim as luapcap_wait_fd(object, timeout, signals)
---@param object any        its first argument
---@param timeout number    seconds
---@return integer|nil status  1: there is a reason to read; 0: the time is over; 2: a signal came,
--- so look at the time that is left and wait on; -1: it cannot wait, ffi.errno() says why
---@return string|nil reason   "break" or "closed"
function signals.wait(self, wait, object, timeout)
  local status, reason = look_and_wait(not_held, self, wait, object,
    timeout < BRIEF and timeout or BRIEF)
  left, looked_at = stride, monotonic() -- handlers have had their turn
  if status ~= TIME_OVER or timeout <= BRIEF then
    return status, reason
  end
  return signals.wait_on(self, wait, object, timeout - BRIEF)
end

--- Waits for the end of the time, or a signal. A rest is rarely over early, so a long one holds
-- signals from its beginning: that is one wake-up less.
---@param self table
---@param seconds number
---@param fd? integer  a descriptor that ends the rest too when it may be read
---@return integer|nil status  as signals.wait()
---@return string|nil reason
function signals.rest(self, seconds, fd)
  if seconds <= BRIEF then
    return signals.wait(self, shim.luapcap_wait_fd, fd or -1, seconds)
  end
  return signals.wait_on(self, shim.luapcap_wait_fd, fd or -1, seconds)
end

return signals
