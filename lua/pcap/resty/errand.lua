--- Errands: a thread of the shim opens a device, and the worker does its other work meanwhile.

local ffi = require "ffi"
local activation = require "pcap.source.activation"
local capture = require "pcap.capture"
local nginx = require "pcap.resty.nginx"
local pair = require "pcap.resty.pair"
local request = require "pcap.resty.request"
local shim = require "pcap.core.shim"
require "pcap.source.live_cdefs"

local errand = {}

local Errand = {}
Errand.__index = Errand

--- Gives it up: its thread closes the handle. The request calls this when it ends.
function Errand:close()
  shim.luapcap_errand_leave(ffi.gc(self._running, nil))
  shim.luapcap_pair_close(self._fd)
end

-- Begins to activate a handle in a thread. Returns nil if that cannot be.
local function begin(handle)
  local socket, fd = pair.new()
  if not socket then
    return nil
  end
  local running = shim.luapcap_errand_activate(handle, fd)
  if running == nil then
    shim.luapcap_pair_close(fd)
    return nil
  end
  ffi.gc(handle, nil)
  return setmetatable({
    _socket = socket, _fd = fd, _running = ffi.gc(running, shim.luapcap_errand_leave),
  }, Errand)
end

-- Waits until the handle has been activated.
local function finish(self, handle)
  self._socket:receive(1)
  local status = shim.luapcap_errand_take(ffi.gc(self._running, nil))
  local errno = ffi.errno()
  ffi.gc(handle, shim.luapcap_close)
  shim.luapcap_pair_close(self._fd)
  self._socket:close()
  return status, errno
end

--- Activates a handle as activation.run() does, in a thread if it can wait for one. If the request
-- ends meanwhile, or the light thread that waits is killed, the handle is closed.
---@param handle ffi.cdata*  its finalizer is luapcap_close()
---@return integer status
---@return integer errno
function errand.activate(handle)
  local owner = request.pair()
  if owner == nil or not owner and ngx.get_phase() ~= "timer" then
    return activation.run(handle)
  end
  local self = begin(handle)
  if not self then
    return activation.run(handle)
  elseif not owner then
    return finish(self, handle)
  end
  request.own(self, owner)
  local status, errno = finish(self, handle)
  request.disown(self)
  return status, errno
end

--- Lets a thread close a live capture that this worker has opened. The master closes what it opens
-- by itself: a worker would inherit what a thread has not closed yet.
---@param self table
function errand.close_for(self)
  if nginx.is_worker() then
    capture.close_with(self, shim.luapcap_close_aside)
  end
end

return errand
