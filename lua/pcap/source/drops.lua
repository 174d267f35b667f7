--- Drops: tells a function that a live capture has lost packets, because its buffer was full.

local shim = require "pcap.core.shim"

local drops = {}

-- Seconds from one look at the kernel's counters to the next.
local PAUSE = 1

--- Looks now. Calls `self._on_drop(dropped, self)` if packets were lost since it was called last.
-- It may do what a signal's handler may: raise an error, read, or close the capture.
function drops.tell(self)
  local stats = self:stats()
  local more = stats and stats.dropped - self._told_dropped or 0
  if more > 0 then
    self._told_dropped = stats.dropped
    self._on_drop(more, self)
  end
end

--- The same, but at most once a second.
function drops.look(self)
  local now = shim.luapcap_monotonic()
  if now >= self._look_for_drops_at then
    self._look_for_drops_at = now + PAUSE
    drops.tell(self)
  end
end

return drops
