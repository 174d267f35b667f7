--- Turns: which lane of a merge has the earliest packet. That is known when each lane has a packet,
-- is at its end, or has been waited for long enough.
--
-- These fields of the merged capture are this file's: `_turns` and `_count` (the heap, see
-- shim/turns.c), `_empty` (the lanes without a packet), `_current` (the lane whose packet was
-- handed out).

local capture = require "pcap.capture"
local lanes = require "pcap.source.merge_lane"
local packet = require "pcap.packet"
local shim = require "pcap.core.shim"
local signals = require "pcap.core.signals"

local merge_turns = {}

local monotonic = shim.luapcap_monotonic

-- Seconds after which captures are looked at that no descriptor tells of.
local INTERVAL = 0.01
-- Descriptors that one wait is for.
local MOST_WAITED_FOR = 64
-- Reasons that tell of one capture's file, which is read on.
local TOLD = { rotated = true, truncated = true }

local clock = packet.new(0)

-- What a read says that ends because of a lane.
local function about(lane, reason)
  return ("%s: %s"):format(lane.capture._name, reason)
end

-- Reads the lanes that have no packet. Returns why the read must end, or nil.
local function read_empty(self)
  local empty, needs_more = self._empty, nil
  for i = #empty, 1, -1 do
    local lane = empty[i]
    local pkt, reason = lanes.read(lane)
    local interrupted = capture.interrupted(self)
    if pkt then
      shim.luapcap_turns_add(self._turns, self._count, pkt.sec, pkt.nsec, lane.index)
      self._count, lane.came = self._count + 1, monotonic()
      table.remove(empty, i)
    elseif interrupted then
      return interrupted
    elseif reason == "break" then
      return reason
    elseif TOLD[reason] then
      lanes.learn(self, lane)
      return about(lane, reason)
    elseif reason == "more" then
      needs_more = reason
    elseif reason ~= "timeout" then
      table.remove(empty, i)
      if reason ~= "closed" then
        return about(lane, reason)
      end
    end
    if interrupted then
      return interrupted
    end
  end
  return needs_more
end

-- For how many seconds the earliest packet has to wait for those lanes that have none.
local function time_to_wait(self)
  local first = self._turns[0]
  local lane = self._lanes[first.source]
  shim.luapcap_now(clock)
  local age = clock.sec - first.sec + (clock.nsec - first.nsec) / 1e9
  local waited = monotonic() - lane.came
  return self._delay - (age > waited and age or waited)
end

-- Waits for one of the lanes that have no packet.
local function wait_for_empty(self, seconds)
  local descriptors = self._descriptors
  descriptors.count = 0
  for _, lane in ipairs(self._empty) do
    local cap = lane.capture
    local fd, required = cap._source.descriptor(cap), cap._source.required_timeout(cap)
    if fd and fd >= 0 and descriptors.count < MOST_WAITED_FOR then
      descriptors.fds[descriptors.count] = fd
      descriptors.count = descriptors.count + 1
    elseif seconds > INTERVAL then
      seconds = INTERVAL
    end
    if required >= 0 and required < seconds then
      seconds = required
    end
  end
  local status, reason = signals.wait(self, shim.luapcap_wait_any, descriptors, seconds)
  return status, reason or capture.interrupted(self)
end

--- Takes back the lane whose packet was handed out: it has to be read on.
function merge_turns.want_current(self)
  local lane = self._current
  self._packet, self._current = self._own, false
  if lane then
    shim.luapcap_turns_remove(self._turns, self._count)
    self._count = self._count - 1
    self._empty[#self._empty + 1] = lane
  end
end

--- Finds the lane that has the next packet.
---@return table|nil lane
---@return string|nil reason
function merge_turns.next_lane(self, timeout)
  local deadline = monotonic() + timeout
  while true do
    local reason = read_empty(self)
    local waits = 0
    if reason then
      return nil, reason
    elseif self._count > 0 then
      waits = #self._empty > 0 and time_to_wait(self) or 0
      if waits <= 0 then
        return self._lanes[self._turns[0].source]
      end
    elseif #self._empty == 0 then
      return nil, "closed"
    end
    local left = deadline - monotonic()
    if left <= 0 then
      signals.look()
      return nil, capture.interrupted(self) or "timeout"
    end
    if self._count > 0 and waits < left then
      left = waits
    end
    local _, ending = wait_for_empty(self, left)
    if ending then
      return nil, ending
    end
  end
end

return merge_turns
