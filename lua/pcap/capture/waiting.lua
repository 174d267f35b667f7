--- Waits for packets without reading them, for programs with a loop of their own.

local object = require "pcap.capture.object"
local check = require "pcap.core.check"

local Capture, methods = object.class, {}

--- Waits until a packet may be there. A read may find none all the same: the filter may take none
-- of those that came. A savefile is always ready.
---@param timeout? number  seconds, fractions allowed (default: as long as it takes)
---@return boolean|nil true
---@return string|nil reason  "timeout", "break" after breakloop(), "closed" if a signal's handler
--- has closed it, or why it cannot wait
---pcap_get_selectable_fd, pcap_get_required_select_timeout
function methods:wait(timeout)
  check.open(self, Capture, "wait")
  timeout = timeout == nil and math.huge or check.seconds(timeout, 1, "wait")
  return self._source.wait(self, timeout)
end

--- A descriptor to wait for packets with, in a poll of your own. It stays the capture's.
---@return integer|nil fd
---@return string|nil message
---pcap_get_selectable_fd
function methods:getfd()
  check.open(self, Capture, "getfd")
  local fd = self._source.descriptor(self)
  if not fd or fd < 0 then
    return nil, tostring(self) .. " has no selectable descriptor"
  end
  return fd
end

--- How often libpcap asks for a read even if the descriptor is silent.
---@return number|nil seconds  nil if it does not, as for most devices
---pcap_get_required_select_timeout
function methods:required_timeout()
  check.open(self, Capture, "required_timeout")
  local seconds = self._source.required_timeout(self)
  return seconds >= 0 and seconds or nil
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
-- itself, because it has getfd().)
---@return table|nil pollable  with pollfd(), events() and timeout(); it keeps the capture alive
---@return string|nil message  if there is no descriptor to wait with
---pcap_get_selectable_fd, pcap_get_required_select_timeout
function methods:pollable()
  check.open(self, Capture, "pollable")
  if self._source.is_always_ready then
    return nil, tostring(self) .. " is not live: there is nothing to wait for"
  end
  local fd, message = self:getfd()
  if not fd then
    return nil, message
  end
  return setmetatable({ _handle = self }, Pollable)
end

return methods
