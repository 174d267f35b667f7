--- Waiting for packets without reading them: for programs with a loop of their own.

local ffi = require "ffi"
local capture = require "pcap.capture"
local check = require "pcap.check"
local shim = require "pcap.shim"
local signals = require "pcap.signals"

local Capture = capture.class

-- What signals.wait() returns.
local TIME_OVER, READY, INTERRUPTED = 0, 1, 2

--- Waits until a packet may be there; a read may find none all the same, when the filter takes
-- none of those that came. A savefile is always ready.
---@param timeout? number  seconds, fractions allowed (default: as long as it takes)
---@return boolean|nil true
---@return string|nil reason  "timeout", "break" after breakloop(), "closed" where a signal's
--- handler has closed it, or why it cannot wait
---pcap_get_selectable_fd, pcap_get_required_select_timeout
function Capture:wait(timeout)
  local handle = check.open(self, Capture, "wait")
  timeout = timeout == nil and math.huge or check.seconds(timeout, 1, "wait")
  if self._kind == "savefile" then
    return true
  elseif self._kind ~= "live" then
    return nil, tostring(self) .. " has no packets to wait for"
  end
  local deadline = shim.luapcap_monotonic() + timeout
  local status, reason
  repeat
    local left = deadline - shim.luapcap_monotonic()
    status, reason = signals.wait(self, shim.luapcap_wait, handle, left > 0 and left or 0)
  until status ~= INTERRUPTED
  if status == READY then
    return true
  elseif status == TIME_OVER then
    return nil, "timeout"
  end
  return nil, reason or ffi.string(shim.luapcap_strerror(ffi.errno()))
end

local Pollable = { __name = "pcap pollable" }
Pollable.__index = Pollable

function Pollable:pollfd()
  local cap = check.open(self, Pollable, "pollfd")
  check.open(cap, Capture, "pollfd")
  return (assert(cap:getfd()))
end

function Pollable:events() -- luacheck: no self
  return "r"
end

function Pollable:timeout()
  local cap = check.open(self, Pollable, "timeout")
  check.open(cap, Capture, "timeout")
  return (cap:required_timeout())
end

function Pollable:__tostring()
  return ("%s of %s"):format(Pollable.__name, tostring(self._handle))
end

--- The capture in the form that cqueues.poll() takes. (LuaSocket's select() takes the capture
-- itself, for its getfd().)
---@return table|nil pollable  with pollfd(), events() and timeout(); it keeps the capture alive
---@return string|nil message  where there is no descriptor to wait with
---pcap_get_selectable_fd, pcap_get_required_select_timeout
function Capture:pollable()
  check.open(self, Capture, "pollable")
  if self._kind ~= "live" then
    return nil, tostring(self) .. " is not live: there is nothing to wait for"
  end
  local fd, message = self:getfd()
  if not fd then
    return nil, message
  end
  return setmetatable({ _handle = self }, Pollable)
end

return Capture
