--- Keeps the errors of a loop's callback from the loop: they are counted and logged.

local nginx = require "pcap.resty.nginx"
local shim = require "pcap.core.shim"

local guard = {}

-- Seconds between two log lines about errors in the callback, which may come with every packet.
local LOG_PAUSE = 0.1

local monotonic = shim.luapcap_monotonic

--- Makes a function that calls the loop's callback. It and what it calls on an error are made once,
-- not for each packet, so that the call compiles.
---@param self table         the loop: its device and counts
---@param callback function
---@return function
function guard.callback(self, callback)
  local log_at = 0
  local function on_error(problem)
    local count, now = self._counts:error(), monotonic()
    if now >= log_at then
      log_at = now + LOG_PAUSE
      nginx.log(ngx.ERR, self._device, ("callback error %d: %s"):format(count,
        debug.traceback(tostring(problem), 2)))
    end
  end
  return function(pkt)
    xpcall(callback, on_error, pkt)
  end
end

return guard
