--- Reads of live captures: they take what is there, or wait for it with poll().

local capture = require "pcap.capture"
local cdefs = require "pcap.core.cdefs"
local drops = require("pcap.core.on_demand").module "pcap.source.drops"
local failure = require "pcap.core.failure"
local shim = require "pcap.core.shim"
local signals = require "pcap.core.signals"
local status_codes = require "pcap.core.status"
require "pcap.source.live_cdefs"

local monotonic, BRIEF = shim.luapcap_monotonic, signals.BRIEF
local PACKET, NO_PACKET = status_codes.PACKET, status_codes.NO_PACKET
local READY, SIGNAL = status_codes.READY, status_codes.SIGNAL
-- The status of a read whose packet the filter rejects.
local REJECTED = 3

-- A read that may not wait still goes on past packets that the filter rejects, for so many seconds.
local PATIENCE = 0.001

-- Reads once, and filters if the kernel does not.
local function try(self)
  local pkt, match, handle = self._packet, self._match, self._handle
  if not handle then -- a signal's handler has closed the capture meanwhile
    return cdefs.ERROR
  end
  local status = shim.luapcap_live_next(handle, self._ring, pkt)
  if status == PACKET and match and not match(pkt.data, pkt.caplen, pkt.wirelen) then
    return REJECTED
  end
  return status
end

-- A device that fails leaves packets in the block that the kernel was filling. The kernel hands it
-- over when the buffer timeout ends, perhaps a little later. These are in seconds.
local LATE, LONGEST_LAST_WAIT = 0.015, 1

-- Waits for a failed device's last block, once, and reads from it. Then libpcap fails again.
local function read_last_block(self)
  local message = failure.message(self._handle)
  self._has_failed = true
  local wait = self._buffer_timeout / 1000 + LATE -- no math.min(): see core/signals.lua
  wait = wait < LONGEST_LAST_WAIT and wait or LONGEST_LAST_WAIT
  local deadline = monotonic() + wait
  local status, reason = SIGNAL, nil
  while status == SIGNAL do
    local left = deadline - monotonic()
    status, reason = signals.rest(self, left > 0 and left or 0)
  end
  if not status then
    return capture.none(self, reason)
  end
  repeat
    status = try(self)
  until status ~= REJECTED
  if status == PACKET then
    return self._packet
  end
  return capture.none(self, message)
end

local function failed(self, status)
  if not self._handle then -- a signal's handler has closed the capture meanwhile
    return capture.none(self, "closed")
  elseif status == cdefs.ERROR_BREAK then
    return capture.none(self, "break")
  elseif not self._has_failed then
    return read_last_block(self)
  end
  return capture.none(self, failure.message(self._handle))
end

-- One more step towards a packet: waits if there was none, then reads. Returns the new status, or
-- nil and the reason to end.
local function try_again(self, status, left, has_waited)
  if status == NO_PACKET then
    local go_on = has_waited and signals.wait_on or signals.wait
    local ready, reason = go_on(self, shim.luapcap_wait, self._handle, left)
    if not ready then
      return nil, reason
    elseif ready < 0 then
      return nil, failure.system()
    elseif ready ~= READY then
      return NO_PACKET
    end
  elseif signals.due() then
    signals.look()
  end
  local reason = capture.interrupted(self)
  if reason then
    return nil, reason
  end
  return try(self)
end

-- Rests until some time has passed since the last wake-up, so that packets come together. Then it
-- reads. Returns as try_again().
local function rest_and_read(self, left)
  local _, reason = signals.rest(self, left)
  reason = reason or capture.interrupted(self)
  if reason then
    return nil, reason
  end
  return try(self)
end

-- Waits and reads until a packet comes or the time is over. A descriptor may be ready although no
-- packet passes the filter. `has_waited` is whether it has been silent for a while.
local function wait(self, status, timeout, has_waited)
  local now = monotonic()
  local deadline, patience = now + timeout, now + (timeout > PATIENCE and timeout or PATIENCE)
  local reason
  if self._on_drop then
    drops.look(self)
  end
  -- No math.min(): see core/signals.lua.
  local rest = self._woken_at + self._ring.rest - now
  rest = rest < timeout and rest or timeout
  if rest > 0 and status == NO_PACKET then
    status, reason = rest_and_read(self, rest)
  end
  while status == NO_PACKET or status == REJECTED do
    local left = (status == REJECTED and patience or deadline) - monotonic()
    if left <= 0 then
      signals.look()
      self._behind = status == REJECTED -- there may be packets still
      return capture.none(self, capture.interrupted(self) or "timeout")
    end
    status, reason = try_again(self, status, left, has_waited)
  end
  if not status then
    return capture.none(self, reason)
  elseif status == PACKET and self._handle then
    self._woken_at = monotonic()
    return self._packet
  end
  return failed(self, status)
end

-- Waits a little in one call into C, so that a caller's loop stays compiled. If packets come fast,
-- leaving compiled code for each wait costs as much as many packets.
local function wait_briefly(self, timeout)
  local handle, now = self._handle, monotonic()
  local rest = self._woken_at + self._ring.rest - now
  local must_look = self._on_drop and now >= self._look_for_drops_at
  if not handle or self._broken or must_look or timeout <= rest or rest > BRIEF then
    return wait(self, NO_PACKET, timeout)
  end
  rest = rest > 0 and rest or 0
  local pkt, match = self._packet, self._match
  local status = shim.luapcap_live_next_within(handle, self._ring, pkt, rest,
    (timeout < BRIEF and timeout or BRIEF) - rest)
  local woken_at = monotonic()
  local waited = woken_at - now
  signals.waited(waited)
  if status == NO_PACKET and self._handle then
    return wait(self, NO_PACKET, timeout - waited, true)
  elseif status ~= PACKET or not self._handle then
    return failed(self, status)
  elseif match and not match(pkt.data, pkt.caplen, pkt.wirelen) then
    return wait(self, REJECTED, timeout - waited)
  end
  self._woken_at = woken_at
  return pkt
end

local function read(self, timeout)
  local status = try(self)
  if status == PACKET then
    return self._packet
  elseif status == NO_PACKET and timeout > 0 then
    return wait_briefly(self, timeout)
  elseif status == NO_PACKET or status == REJECTED then
    return wait(self, status, timeout)
  end
  return failed(self, status)
end

local function look_and_read(self, timeout)
  signals.look()
  if self._on_drop and self._handle then
    drops.look(self)
  end
  local reason = capture.interrupted(self)
  if reason then
    return capture.none(self, reason)
  end
  return read(self, timeout)
end

-- A source's `fetch`. Straight-line code while packets are there, so that a caller's loop compiles.
local function fetch(self, timeout)
  if signals.due() then
    return look_and_read(self, timeout)
  end
  return read(self, timeout)
end

capture.reads(rest_and_read, wait, wait_briefly, read, look_and_read, read_last_block)

return { fetch = fetch }
