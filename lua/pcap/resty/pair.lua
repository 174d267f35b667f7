--- Pairs: unix stream pairs between this worker and itself, of a cosocket and a descriptor.
--
-- The cosocket belongs to the request or timer that makes the pair. Nginx closes it when that ends.

local ffi = require "ffi"
local failure = require "pcap.core.failure"
local shim = require "pcap.core.shim"
require "pcap.source.live_cdefs"

local pair = {}

-- The cosocket's timeout in milliseconds. What waits for it waits as long as it takes, and a read
-- timeout would leave a line at error level in the log.
local NEVER = 2 ^ 31 - 1

local PATH_SIZE = 108

-- A socket in a folder of its own, for one connection.
local function listen()
  local path = ffi.new("char[?]", PATH_SIZE)
  local folder = os.getenv("TMPDIR") or "/tmp"
  local listener = shim.luapcap_pair_listen(folder, path, PATH_SIZE)
  if listener < 0 then
    return nil, ("cannot make a socket in %s: %s"):format(folder, failure.system())
  end
  return listener, path
end

--- Whether a pair can be made, as far as that can be known before.
---@return boolean|nil able
---@return string|nil message
function pair.check()
  local listener, path = listen()
  if not listener then
    return nil, path
  end
  shim.luapcap_pair_accept(listener, path) -- nobody has connected: it only removes the socket
  return true
end

--- Makes a pair. It raises an error in a phase that has no cosockets.
---@return table|nil socket     the cosocket
---@return integer|string fd    the caller's, for luapcap_pair_close(); or the message
function pair.new()
  local socket = ngx.socket.tcp() -- raises the error, so this comes first
  local listener, path = listen()
  if not listener then
    return nil, path
  end
  socket:settimeouts(NEVER, NEVER, NEVER)
  local connected, message = socket:connect("unix:" .. ffi.string(path))
  local fd = shim.luapcap_pair_accept(listener, path)
  if fd < 0 or not connected then
    message = message or failure.system()
    if fd >= 0 then
      shim.luapcap_pair_close(fd)
    end
    return nil, "cannot connect to a socket of its own: " .. message
  end
  return socket, fd
end

return pair
