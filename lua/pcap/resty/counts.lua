--- Counts: what a loop has done, and what the kernel has counted for its capture.

local core = require "pcap.capture"
local shim = require "pcap.core.shim"

local counts = {}

local Counts = {}
Counts.__index = Counts

-- The length of a period in seconds. The longest lag of the current period and of the previous one
-- are kept, besides the longest of the loop's life. So whoever asks once in a period misses none.
local PERIOD = 60

local KERNEL = { "received", "dropped", "if_dropped" }

--- Counts that begin at zero.
function counts.new()
  return setmetatable({
    _packets = 0, _turns = 0, _errors = 0,
    _lag = 0, _max_lag = 0, _period_lag = 0, _lag_before = 0,
    _period_end = shim.luapcap_monotonic() + PERIOD,
    _kernel = {}, -- what the kernel had counted at the last look
    _before = {}, -- what it had counted for the captures before this one
  }, Counts)
end

--- Counts an error in the callback. Returns their number.
function Counts:error()
  self._errors = self._errors + 1
  return self._errors
end

local function begin_period(self, now)
  self._lag_before = now < self._period_end + PERIOD and self._period_lag or 0
  self._period_lag, self._period_end = 0, now + PERIOD
end

--- Counts a turn.
---@param packets integer
---@param lag number  seconds, if there were packets
---@param now number  on the monotonic clock
function Counts:turn(packets, lag, now)
  self._turns = self._turns + 1
  if packets > 0 then
    if now >= self._period_end then
      begin_period(self, now)
    end
    self._packets, self._lag = self._packets + packets, lag
    self._max_lag = math.max(self._max_lag, lag)
    self._period_lag = math.max(self._period_lag, lag)
  end
end

--- Looks up what the kernel has counted. This must be called now and then, because the kernel's
-- counters begin again at 2^32.
function Counts:look(capture)
  self._kernel = capture and core.is_open(capture) and capture:stats() or self._kernel
end

--- Goes on with another capture, whose counters begin at zero.
function Counts:go_on()
  for _, name in ipairs(KERNEL) do
    self._before[name] = (self._before[name] or 0) + (self._kernel[name] or 0)
  end
  self._kernel = {}
end

--- All counts, in a new table. Asking changes nothing.
function Counts:all()
  local now = shim.luapcap_monotonic()
  if now >= self._period_end then
    begin_period(self, now)
  end
  local all = {
    packets = self._packets, turns = self._turns, callback_errors = self._errors,
    lag = self._lag, max_lag = self._max_lag,
    recent_lag = math.max(self._period_lag, self._lag_before),
  }
  for _, name in ipairs(KERNEL) do
    all[name] = (self._before[name] or 0) + (self._kernel[name] or 0)
  end
  return all
end

return counts
