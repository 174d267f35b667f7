--- Waits of captures inside nginx: when a light thread looks again, and when it gives up.

local own = require "pcap.resty.options"
local shim = require "pcap.core.shim"

local monotonic = shim.luapcap_monotonic

local waiting = {}

-- After so many seconds, a wait looks whether the worker exits. Each look costs five context
-- switches.
local HEARTBEAT = 1
-- A loop is told of the worker's end, so its waits are longer.
local LOOP_HEARTBEAT = 4
-- A loop in a fanout group reads on for so many seconds when its worker exits. Nginx sends the old
-- worker away 100 ms after it has forked the new one, which may take longer to join the group.
local LINGER, LINGERER_HEARTBEAT = 1, 0.5
-- For so many seconds packets may still be on their way into a ring that has been left.
local ON_THEIR_WAY = 0.02

--- The kind of waiter that a capture with such options has.
function waiting.kind_of(opts)
  return opts.waiter or own.WAITER
end

local function new_waiter(self)
  if self._waiter then
    self._waiter:close()
    self._waiter = false
  end
  local made, message = self._kind.new(self._source.descriptor(self) or -1)
  self._waiter = made or false
  return made, message
end

-- Waits for `left` seconds at the most, the pause included. While an interface is down, libpcap
-- asks for a read every millisecond. So the pause comes before the wait that libpcap requires.
local function wait_once(self, left)
  local current = self._waiter
  if not current or not current:is_usable() then
    local made, message = new_waiter(self)
    if not made then
      return nil, message
    end
    current = made
  end
  local required = self._source.required_timeout(self)
  local pause = math.min(self._pause, left)
  local timeout = math.min(left - pause, self._heartbeat, required >= 0 and required or math.huge)
  return current:wait(pause, timeout)
end

-- Leaves the fanout group: the kernel gives the packets to the others from here on.
local function leave(self, now)
  self._has_left = shim.luapcap_ring_leave(self._ring) == 1
  if self._has_left then
    self._heartbeat, self._leaves_at = ON_THEIR_WAY, now + ON_THEIR_WAY
  end
end

-- Whether the worker exits and has read on for long enough.
local function must_leave(self)
  if not ngx.worker.exiting() then
    return false
  end
  local now = monotonic()
  self._leaves_at = self._leaves_at or now + self._linger
  if now >= self._leaves_at and self._linger > 0 and self._has_left == nil then
    leave(self, now)
  end
  return now >= self._leaves_at
end

--- See RestyCapture:wait(). A loop that has the capture waits with this as well.
function waiting.wait(self, timeout)
  timeout = timeout or self._patience
  if self._ended or must_leave(self) then
    return nil, "closed"
  end
  local is_ready = self._source.is_ready(self)
  local deadline = monotonic() + (is_ready and self._pause or timeout)
  repeat
    local answer, message = wait_once(self, math.max(deadline - monotonic(), 0))
    if not answer or self._ended then
      return nil, message or "closed"
    elseif answer == "p" or is_ready or self._source.required_timeout(self) >= 0 then
      self._woken = true
      return true
    elseif must_leave(self) then
      return nil, "closed"
    end
  until monotonic() >= deadline
  self._pause, self._empty_pause = 0, 0
  return nil, "timeout"
end

--- Whether the loop that has the capture reads on for a while when its worker exits.
function waiting.lingers(self)
  return self and self._linger > 0
end

--- Whether the capture has left its fanout group. Then its last packets are to be read, and no more
-- will come.
function waiting.has_left(self)
  return self and self._has_left
end

--- Makes the packets readable that came last.
function waiting.read_open(self)
  shim.luapcap_ring_read_open(self._ring)
end

--- Sets the fields of a capture that waits.
function waiting.begin(self, opts)
  self._waiter, self._kind, self._ended = false, waiting.kind_of(opts), false
  -- `_pause`: for how long not to look at the descriptor; `_empty_pause`: the same, by how many
  -- drains have found nothing. `_woken`: whether a wait gave a reason to read and no drain has
  -- followed yet.
  self._pause, self._empty_pause, self._woken = 0, 0, false
  self._heartbeat, self._linger, self._leaves_at = HEARTBEAT, 0, nil
  self._has_left = nil -- whether the capture could leave its group, once it has tried
end

--- Fits the waits of a capture to a loop.
function waiting.serve_loop(self)
  self._heartbeat = LOOP_HEARTBEAT
  if self._opts.fanout then
    self._linger, self._heartbeat = LINGER, LINGERER_HEARTBEAT
  end
end

return waiting
