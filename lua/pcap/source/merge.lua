--- Merging: the packets of several captures, in the order of their times.
--
-- Each capture is a lane, whose next packet has been read. A heap (shim/turns.c) tells which lane's
-- packet is the earliest. A packet is handed on as it is, in its capture's own struct: it is valid
-- until its lane is read on, which the next read does.
--
-- Ownership: the merged capture owns the others. They are read, and closed, by it alone.

local ffi = require "ffi"
local capture = require "pcap.capture"
local check = require "pcap.core.check"
local filtering = require "pcap.capture.filtering"
local interfaces = require "pcap.source.merge_interfaces"
local none = require "pcap.source.none"
local options = require "pcap.core.options"
local packet = require "pcap.packet"
local shim = require "pcap.core.shim"
local signals = require "pcap.core.signals"
local timeout_of = require "pcap.source.timeout"

local merge = {}

local monotonic, turns_change = shim.luapcap_monotonic, shim.luapcap_turns_change
local turns_type = ffi.typeof "luapcap_turn[?]"

-- Seconds after which captures are looked at that no descriptor tells of.
local INTERVAL = 0.01
-- Descriptors that one wait is for.
local MOST_WAITED_FOR = 64
-- Reasons that tell of one capture's file, which is read on.
local TOLD = { rotated = true, truncated = true }

local clock = packet.new(0)

-- The capture's own reading is over: see take_over().
local function refuse()
  error("a merge reads this capture: read from the merged one", 3)
end

-- How the lane's capture is read.
local function learn(self, lane)
  local cap = lane.capture
  lane.take = lane.copies and none.take or cap._take
  cap._take = none.take
  interfaces.learn(self._interfaces, lane)
end

local function take_over(self, index, cap)
  local lane = { index = index, capture = cap, packet = cap._packet, fetch = cap._fetch,
    search = cap._search, copies = cap._source.kind == "feed" }
  cap._fetch, cap._timeout, cap._owner = refuse, 0, self
  learn(self, lane)
  return lane
end

-- The next packet of a lane, without waiting.
local function read(lane)
  local cap = lane.capture
  if not cap._handle then
    return nil, "closed"
  end
  local pkt, reason = cap._packet, nil
  if lane.take(cap._window, pkt) then
    local match = cap._match
    if match and not match(pkt.data, pkt.caplen, pkt.wirelen, cap) then
      pkt, reason = lane.search(cap)
    end
  else
    pkt, reason = lane.fetch(cap, 0)
  end
  if pkt and lane.copies then -- feeding the reader moves its bytes
    lane.packet = pkt:copy()
    pkt = lane.packet
  end
  return pkt, reason
end

-- Hands on a lane's packet, if the filter takes it. Otherwise nil.
local function hand_on(self, lane)
  local pkt = lane.packet
  self._current, self._packet = lane, pkt
  local numbers = lane.numbers
  if numbers then
    pkt.interface = numbers[pkt.interface] or interfaces.add(self._interfaces, lane, pkt.interface)
  end
  local match = self._match
  if not match or match(pkt.data, pkt.caplen, pkt.wirelen, self) then
    return pkt
  end
end

local function matches_now(self, pkt)
  if self._matches and self._matches[pkt.linktype] == nil then
    filtering.apply_again(self)
    return self._match(pkt.data, pkt.caplen, pkt.wirelen, self)
  end
end

-- What a read says that ends because of a lane.
local function about(lane, reason)
  return ("%s: %s"):format(lane.capture._name, reason)
end

-- Reads the lanes that have no packet. Returns why the read must end, or nil.
local function read_empty(self)
  local empty, needs_more = self._empty, nil
  for i = #empty, 1, -1 do
    local lane = empty[i]
    local pkt, reason = read(lane)
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
      learn(self, lane)
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

-- Takes back the lane whose packet was handed out: it has to be read on.
local function want_current(self)
  local lane = self._current
  self._packet, self._current = self._own, false
  if lane then
    shim.luapcap_turns_remove(self._turns, self._count)
    self._count = self._count - 1
    self._empty[#self._empty + 1] = lane
  end
end

-- Finds the next packet. Returns its lane, or nil and the reason.
local function next_lane(self, timeout)
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

-- The next packet that the filter takes, whatever that needs.
local function search(self, timeout)
  timeout = timeout or self._timeout
  while true do
    local lane = self._ahead
    self._ahead = false
    if not lane then
      local reason
      want_current(self)
      lane, reason = next_lane(self, timeout)
      if not lane then
        return capture.none(self, reason)
      end
    end
    if lane.capture._handle then -- else it has been closed, and its packet is empty
      local pkt = hand_on(self, lane)
      if pkt or matches_now(self, self._packet) then
        return self._packet
      end
    end
    self._current = lane
  end
end

-- Straight-line code while all lanes have packets, so that a caller's loop compiles.
local function fetch(self, timeout)
  local lane = self._current
  if not lane or #self._empty > 0 then
    return search(self, timeout)
  end
  local cap, pkt = lane.capture, lane.packet
  if not lane.take(cap._window, pkt) then
    return search(self, timeout)
  end
  local match = cap._match
  if match and not match(pkt.data, pkt.caplen, pkt.wirelen, cap) then
    return search(self, timeout)
  end
  lane = self._lanes[turns_change(self._turns, self._count, pkt.sec, pkt.nsec)]
  self._current = lane
  if not lane.capture._handle then
    return search(self, timeout)
  end
  pkt = hand_on(self, lane)
  if not pkt then
    self._ahead = lane
    return search(self, timeout)
  end
  return pkt
end

capture.reads(read, search, fetch)

local source = none.new { kind = "merge", fetch = fetch, search = search }

-- Link types of the packets, those of all interfaces that are known.
function source.linktypes(self)
  return interfaces.linktypes(self._interfaces)
end

function source.interfaces(self)
  return interfaces.list(self._interfaces)
end

source.is_here = false

-- close() closes the captures. If the merged one is only collected, they go by themselves when
-- nobody holds a packet of theirs.
function source.release(memory)
  none.release(memory.own)
  for _, cap in ipairs(memory.captures or {}) do
    capture.close(cap)
  end
  memory.captures = nil
end

local collected = none.new { kind = "merge", fetch = fetch, search = search }

-- The same where one of the captures may have to be waited for.
local waiting = none.new {}
for name, value in pairs(source) do
  waiting[name] = value
end
waiting.is_always_ready = false
waiting.set_nonblock, waiting.nonblock = timeout_of.set_nonblock, timeout_of.nonblock

-- Reads the next packet, and keeps it for the next read.
function waiting.wait(self, timeout)
  if self._ahead then
    return true
  end
  want_current(self)
  local lane, reason = next_lane(self, timeout)
  self._ahead = lane or false
  if lane or reason == "closed" or reason ~= "timeout" and reason ~= "break" and self._handle then
    return true
  end
  return nil, reason
end

function source.wait()
  return true
end

local function open(captures, opts)
  local kind, precision, snaplen = source, 0, 0
  for _, cap in ipairs(captures) do
    local handle = cap._handle
    kind = cap._source.is_always_ready and kind or waiting
    precision = math.max(precision, shim.luapcap_get_tstamp_precision(handle))
    snaplen = math.max(snaplen, shim.luapcap_snapshot(handle))
  end
  local handle = capture.own(shim.luapcap_open_dead_with_tstamp_precision(
    shim.luapcap_datalink(captures[1]._handle), snaplen, precision))
  if not handle then
    return nil, "not enough memory for a capture"
  end
  local self = capture.new(collected, handle, ("of %d"):format(#captures), timeout_of.set({
    _lanes = {}, _empty = {}, _current = false, _ahead = false,
    _turns = turns_type(#captures), _count = 0, _delay = opts.delay or 0.1,
    _descriptors = ffi.new "luapcap_descriptors", _interfaces = interfaces.new(),
  }, opts.timeout or 0))
  self._source, self._own = kind, self._packet
  -- A finalizer and what it refers to are never garbage. So the captures are not in its memory.
  self._memory = { own = self._memory, captures = captures }
  for i, cap in ipairs(captures) do
    self._lanes[i] = take_over(self, i, cap)
    self._empty[i] = self._lanes[i]
  end
  return self
end

-- Whether a capture can be merged. Otherwise what is wrong with it.
local function problem(cap, seen)
  if getmetatable(cap) ~= capture.class then
    return "list of captures expected"
  elseif not cap._handle then
    return "a capture has been closed"
  elseif cap._source.kind == "dead" then
    return "a dead capture has no packets"
  elseif seen[cap] or cap._owner then
    return "a capture is being merged already"
  end
  seen[cap] = true
end

--- Merges captures into one that gives the packets of all, in the order of their times. It owns
-- them from here on: they are read, and closed, by it alone.
---@param captures table[]  of files, devices or readers
---@param opts? table  {delay = seconds that a packet waits for the packets of live captures
--- (default 0.1), timeout = seconds that a read waits (default 0)}
---@return table|nil capture
---@return string|nil message
function merge.merge(captures, opts)
  check.table(captures, 1, "merge")
  local list, seen = {}, {}
  for i = 1, math.max(#captures, 1) do
    local wrong = problem(captures[i], seen)
    if wrong then
      check.fail(1, "merge", wrong)
    end
    list[i] = captures[i]
  end
  opts = options.read(opts, 2, "merge", { delay = options.seconds, timeout = options.seconds })
  return open(list, opts)
end

return merge
