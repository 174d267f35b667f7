--- Waiters: how a light thread of nginx waits for a capture without holding up its worker.
--
-- The thread waiter: nginx's Lua API cannot wait on a foreign descriptor, but it can wait on a
-- cosocket. So a small thread of the shim polls the capture. It answers over a unix stream pair
-- whose other end is a cosocket. The thread lives as long as the pair: whoever closes the pair ends
-- both. (ngx.run_worker_thread is no substitute: it needs a directive, is slower, and busy-waits
-- at exit.) The sleep waiter looks every few milliseconds, because it has no thread.

local ffi = require "ffi"
local failure = require "pcap.core.failure"
local pair = require "pcap.resty.pair"
local semaphore = require("pcap.core.on_demand").module "ngx.semaphore"
local shim = require "pcap.core.shim"
local status_codes = require "pcap.core.status"
require "pcap.source.live_cdefs"

local waiter = {
  --- The kinds of waiters, by name. `needs_pair` is whether it works by a pair. `new(descriptor)`
  -- gives a waiter for a capture's descriptor (-1: it has none), or nil and a message. `budget` is
  -- how many seconds a turn may keep the worker from its other work: a waiter that sleeps for
  -- milliseconds has to take more in one turn.
  KINDS = {
    thread = { budget = 0.0005, needs_pair = true },
    sleep = { budget = 0.002, needs_pair = false },
  },
}

local thread = {}
thread.__index = thread

local READY = status_codes.READY
local not_held = ffi.new("luapcap_signals")

-- Makes a waiter with a thread. Its cosocket belongs to the request or timer that makes it. Another
-- request or timer needs a waiter of its own.
function waiter.KINDS.thread.new(descriptor)
  local socket, fd = pair.new()
  if not socket then
    return nil, fd
  end
  if shim.luapcap_waiter_start(descriptor, fd) ~= 0 then
    local message = failure.system()
    shim.luapcap_pair_close(fd)
    return nil, "cannot start a thread: " .. message
  end
  return setmetatable({
    _socket = socket,
    _fd = ffi.gc(ffi.new("int[1]", fd), function(it) shim.luapcap_pair_close(it[0]) end),
    _descriptor = descriptor,
    _request = ffi.new("uint32_t[1]"),
    _rest = semaphore.new(), -- close() posts it
    _waiting = false,
    -- Each request and each timer has its own table, which tells one from another.
    _owner = ngx.ctx,
  }, thread)
end

-- Asks the thread to wait. Returns its answer.
local function ask(self, timeout)
  local request = self._request
  request[0] = math.ceil(timeout * 1000)
  local sent, message = self._socket:send(ffi.string(request, ffi.sizeof(request)))
  if not sent then
    return nil, message
  end
  return self._socket:receive(1)
end

-- Rests without the thread, which would be two more wake-ups. Returns whether the capture may be
-- read then.
local function rest(self, seconds)
  self._rest:wait(math.ceil(seconds * 1000) / 1000)
  return self._fd and shim.luapcap_wait_fd(self._descriptor, 0, not_held) == READY
end

--- Waits once.
---@param pause number    seconds for which it does not look at the capture
---@param timeout number  seconds that it then waits for a packet, at the most; not infinite
---@return string|nil answer  "p": there is a reason to read; "t": time to look at the clock
---@return string|nil reason  "closed", or a message
function thread:wait(pause, timeout)
  if not self._fd then
    return nil, "closed"
  end
  self._waiting = coroutine.running()
  local answer, message
  if pause > 0 and rest(self, pause) then
    answer = "p"
  elseif not self._fd then
    message = "closed"
  else
    answer, message = ask(self, timeout)
  end
  self._waiting = false
  return answer, message
end

--- Whether it can serve the running request: it belongs to this request, and no wait was broken
-- off. A broken wait leaves an answer on its way, which the next wait would take for its own.
function thread:is_usable()
  return self._owner == ngx.ctx and not self._waiting
end

--- Whether a light thread waits in it. One that was killed does not, and neither does one whose
-- request has ended: nginx has closed its cosocket. Nginx knows the state of a light thread only
-- among those of the running request.
function thread:is_busy()
  if not self._fd or not self._waiting or shim.luapcap_pair_is_open(self._fd[0]) == 0 then
    return false
  end
  return self._owner ~= ngx.ctx or coroutine.status(self._waiting) ~= "dead"
end

--- Ends the pair and the thread. A wait that is under way ends with "closed".
function thread:close()
  local fd = self._fd
  if fd then
    self._fd = false
    self._rest:post()
    shim.luapcap_pair_close(ffi.gc(fd, nil)[0])
    -- This raises an error if the socket is another request's. That one has closed it or will.
    pcall(self._socket.close, self._socket)
  end
end

local sleep = {}
sleep.__index = sleep

-- nginx's timers count milliseconds, and ngx.sleep(0) starves a stock worker's other events.
local SHORTEST, LONGEST = 0.001, 0.008

-- Makes a waiter that sleeps for the pause. The more looks have found nothing, the longer that is.
function waiter.KINDS.sleep.new()
  return setmetatable({ _open = true, _waiting = false, _owner = false }, sleep)
end

function sleep:wait(pause, timeout)
  if not self._open then
    return nil, "closed"
  end
  self._waiting, self._owner = coroutine.running(), ngx.ctx
  ngx.sleep(math.max(math.min(pause, LONGEST, pause + timeout), SHORTEST))
  self._waiting = false
  if not self._open then
    return nil, "closed"
  end
  return "p"
end

function sleep.is_usable()
  return true
end

--- Whether a light thread of the running request waits in it. For other requests, that cannot be
-- known.
function sleep:is_busy()
  return self._waiting and self._owner == ngx.ctx and coroutine.status(self._waiting) ~= "dead"
end

function sleep:close()
  self._open = false
end

return waiter
