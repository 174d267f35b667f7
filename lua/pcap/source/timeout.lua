--- The timeout of a source whose reads wait for packets, and reading without waiting.
--
-- `_opened_timeout` is the one that the capture was opened with.

local timeout = {}

function timeout.set_nonblock(self, nonblock)
  self._nonblock = nonblock
  self._timeout = nonblock and 0 or self._opened_timeout
  return true
end

function timeout.nonblock(self)
  return self._nonblock
end

--- Gives a capture its timeout, in seconds.
---@param fields table
function timeout.set(fields, seconds)
  fields._timeout, fields._opened_timeout, fields._nonblock = seconds, seconds, false
  return fields
end

return timeout
