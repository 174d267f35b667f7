--- Restarts: a loop opens its device again after that has failed, or is not there yet.

local nginx = require "pcap.resty.nginx"
local opening = require "pcap.resty.opening"
local resty_capture = require "pcap.resty.live"

local restart = {}

local function leave(self)
  local capture = self.capture
  if capture then
    self._counts:look(capture)
    resty_capture.tell_drops(capture)
    capture:close()
    self._counts:go_on()
  end
end

-- Opens the device every so many seconds, until that works.
local function open(self)
  local seconds, told = self._opts.restart, nil
  while true do
    if self._problem ~= told then
      told = self._problem
      nginx.log(ngx.WARN, self._device, ("the loop waits, and opens the device every %g s: %s")
        :format(seconds, told))
    end
    self._wake:wait(seconds)
    if not self._running then
      return nil, "closed"
    end
    local capture, message, may_work_later = opening.make(self._opened_with)
    if capture or not may_work_later then
      return capture, message
    end
    self._problem = nginx.bare(self._device, message)
  end
end

--- Waits until the loop has a capture again. Stopping the loop ends the wait.
---@param self table     the loop, with the option `restart`
---@param reason string  why it has no capture, or what its capture ended with
---@return string|nil reason  why the loop must end; nil if it goes on
function restart.wait(self, reason)
  self._problem = nginx.bare(self._device, reason)
  leave(self)
  local capture, message = open(self)
  self._problem = nil
  if not capture then
    return message
  end
  resty_capture.give(capture, self)
  self.capture = capture
  nginx.log(ngx.WARN, self._device, "the loop goes on")
end

return restart
