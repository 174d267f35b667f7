--- Errands: a thread of the shim opens a device, and the worker does its other work meanwhile.

local ffi = require "ffi"
local activation = require "pcap.source.activation"
local pair = require "pcap.resty.pair"
local request = require "pcap.resty.request"
local shim = require "pcap.core.shim"
require "pcap.source.live_cdefs"

local errand = {}

local Errand = {}
Errand.__index = Errand

local function close_pair(fd)
  shim.luapcap_pair_close(fd[0])
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
    _socket = socket,
    _fd = ffi.gc(ffi.new("int[1]", fd), close_pair),
    _running = ffi.gc(running, shim.luapcap_errand_leave),
  }, Errand)
end

-- Waits until the handle has been activated.
local function finish(self, handle)
  self._socket:receive(1)
  local running = self._running
  if not running then
    error("the request has ended")
  end
  self._running = false
  local status = shim.luapcap_errand_take(ffi.gc(running, nil))
  local errno = ffi.errno()
  ffi.gc(handle, shim.luapcap_close)
  close_pair(ffi.gc(self._fd, nil))
  self._socket:close()
  return status, errno
end

--- Gives it up: its thread closes the handle. The request calls this when it ends.
function Errand:close()
  local running = self._running
  if running then
    self._running = false
    shim.luapcap_errand_leave(ffi.gc(running, nil))
    close_pair(ffi.gc(self._fd, nil))
  end
end

--- Activates a handle as activation.run() does, in a thread if it can wait for one. If the request
-- ends meanwhile, or the light thread that waits is killed, the handle is closed.
---@param handle ffi.cdata*  its finalizer is luapcap_close()
---@return integer status
---@return integer errno
function errand.activate(handle)
  local owner
  if request.may_wait() then
    owner = request.pair()
  end
  local self = owner ~= nil and begin(handle)
  if not self then
    return activation.run(handle)
  end
  request.own(self, owner)
  local status, errno = finish(self, handle)
  request.disown(self)
  return status, errno
end

--- Closes a handle, in a thread if there can be one.
errand.close = shim.luapcap_close_aside

return errand
