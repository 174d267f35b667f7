--- Captures inside nginx: pcap.open_live's captures, with a wait that yields to the event loop.
--
-- Their class is derived from the core's.

local check = require "pcap.core.check"
local core = require "pcap.capture"
local drops = require "pcap.resty.drops"
local pair = require "pcap.resty.pair"
local request = require "pcap.resty.request"
local shim = require "pcap.core.shim"
local waiting = require "pcap.resty.waiting"

local monotonic = shim.luapcap_monotonic

local capture = {}

-- The methods that these captures change or add.
local RestyCapture = setmetatable({}, { __index = core.class })
RestyCapture.__index = RestyCapture
RestyCapture.__name = core.class.__name
RestyCapture.__tostring = core.class.__tostring
RestyCapture.__parent = core.class

--- The class.
capture.class = RestyCapture

-- A loop that has the capture takes all its packets, and nobody else may take any. The same holds
-- for a light thread that waits for a packet.
local function check_free(self, name)
  check.self(self, RestyCapture, name)
  if self._loop then
    error(("calling '%s' on bad self: a loop has the capture"):format(name), 3)
  elseif self._waiter and self._waiter:is_busy() then
    error(("calling '%s' on bad self: another light thread waits for the capture"):format(name), 3)
  end
end

-- Packets from one look at the clock to the next, at the most. A turn may be too long by that many
-- callbacks. A look costs as much as reading a packet. So while that many callbacks together take
-- less than QUICK seconds, looks become rare.
local MOST, QUICK = 64, 20e-6
-- A wait that found nothing to read is followed by a pause. Each further such wait makes the pause
-- longer. The reason: the descriptor of an interface that is down is always ready.
local FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.1

--- Waits until there is a reason to read. That is not always a packet. Meanwhile the worker does
-- its other work. This needs a context that may yield, as any cosocket does.
---@param timeout? number      seconds (default: open's option of this name, or for ever)
---@return boolean|nil ready   true
---@return string|nil reason   "timeout"; "closed": by close(), or the worker exits; or a message
function RestyCapture:wait(timeout)
  check_free(self, "wait")
  timeout = timeout == nil and self._patience or check.seconds(timeout, 1, "wait")
  return waiting.wait(self, timeout)
end

--- Calls a function for each packet that is there, without waiting. The caller gets an error that
-- the callback raises.
---@param callback function    callback(pkt); the packet is valid during the call
---@param budget? number       seconds that it may take (default: open's option of this name); it
--- may make up to 63 more callbacks, if they have been quick until then
---@return integer count       packets
---@return string|nil reason   nil when all are read; "budget"; "closed": by the callback; or
--- libpcap's message
---pcap_next_ex
function RestyCapture:drain(callback, budget)
  check_free(self, "drain")
  check.open(self, RestyCapture, "drain")
  if type(callback) ~= "function" then
    check.fail(1, "drain", "function expected, got " .. type(callback))
  end
  budget = budget == nil and self._budget or check.seconds(budget, 2, "drain")
  return capture.drain(self, callback, budget)
end

--- The same for the loop that has the capture.
function capture.drain(self, callback, budget)
  local looked_at = monotonic()
  local deadline = looked_at + (budget or self._budget)
  local count, look, stride = 0, 1, 1
  local woken = self._woken
  self._woken = false
  while true do
    local pkt, reason = self:next_packet()
    if not pkt then
      if count > 0 or self._behind then
        self._pause, self._empty_pause = self._behind and 0 or self._source.rest(self), 0
      elseif woken then
        self._empty_pause = math.min(math.max(self._empty_pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        self._pause = self._empty_pause
      end
      reason = self._ended and "closed" or reason
      return count, reason ~= "timeout" and reason or nil
    end
    count = count + 1
    callback(pkt)
    if self._ended then
      return count, "closed"
    elseif count == look then
      local now = monotonic()
      if now >= deadline then
        self._pause, self._empty_pause = 0, 0
        return count, "budget"
      elseif now - looked_at > QUICK then
        stride = 1
      elseif stride < MOST then
        stride = stride * 2
      end
      look, looked_at = count + stride, now
    end
  end
end

--- Ends a wait for the capture, or a drain of it. Its packet stays valid, unlike after close().
function capture.stop(self)
  self._ended = true
  if self._waiter then
    self._waiter:close()
    self._waiter = false
  end
end

--- Gives the capture to a loop. Then nobody else may wait for its packets or take them.
function capture.give(self, loop)
  request.disown(self)
  self._loop = loop
  waiting.serve_loop(self)
  self._look_for_drops_at = math.huge -- the loop looks, also when nothing is read any more
end

--- Whether waits for a capture with such options can work, as far as that can be known before the
-- first one.
---@return boolean|nil able
---@return string|nil message
function capture.can_wait(opts)
  if waiting.kind_of(opts).needs_pair then
    return pair.check()
  end
  return true
end

--- The loop that has the capture, or false.
function capture.loop_of(self)
  return self._loop
end

--- Makes a capture that the master opened this worker's.
---@return boolean taken  false if a worker that has died had it, and only that one knew where it
--- was reading
function capture.take(self)
  return shim.luapcap_take(self._handle) == 1 or shim.luapcap_ring_resume(self._ring) == 1
end

--- When the packet that was read last arrived.
---@return number sec
---@return number nsec
function capture.arrival(self)
  return self._packet.sec, self._packet.nsec
end

--- The options that the capture was opened with.
function capture.options_of(self)
  return self._opts
end

--- Closes the capture, and ends a wait for it.
---@return boolean true
---pcap_close
function RestyCapture:close()
  capture.stop(self)
  return core.class.close(self)
end

--- Tells now of the packets that were lost.
function capture.tell_drops(self)
  if self._handle then
    drops.tell(self)
  end
end

--- Makes a capture of the core one of these.
---@param self table  pcap.open_live's
---@param opts table  read with own.OPTIONS
function capture.adopt(self, opts)
  setmetatable(self, RestyCapture)
  self._loop = false
  waiting.begin(self, opts)
  self._budget = opts.budget or self._kind.budget
  self._opts = opts
  self._on_drop = drops.on_drop
  -- Only wait() waits: a read that waits would hold up the worker.
  self._timeout, self._patience = 0, opts.timeout or math.huge
  return self
end

return capture
