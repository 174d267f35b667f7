--- Times: one number of seconds, or whole seconds and a fraction counted apart.

local check = require "pcap.core.check"

local floor = math.floor

local timestamp = {}

--- Combines seconds and microseconds into one number. It is the inverse of secs2tv for every
-- microsecond from 1970 until 2^33 seconds later: a double tells microseconds apart only that far.
---@param seci number  whole seconds
---@param useci number microseconds
---@return number secs
function timestamp.tv2secs(seci, useci)
  seci = check.number(seci, 1, "tv2secs")
  useci = check.number(useci, 2, "tv2secs")
  return seci + useci / 1e6
end

--- Splits seconds at the nearest microsecond. Microseconds are from 0 to 999999 before 1970 too.
---@param secs number
---@return number seci   whole seconds, rounded down
---@return number useci  microseconds
function timestamp.secs2tv(secs)
  secs = check.number(secs, 1, "secs2tv")
  local seci = floor(secs)
  local useci = floor((secs - seci) * 1e6 + 0.5)
  if useci == 1e6 then
    return seci + 1, 0
  end
  return seci, useci
end

return timestamp
