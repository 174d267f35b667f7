--- Merging: the packets of several captures, in the order of their times.
--
-- Each capture is a lane, whose next packet has been read (merge_lane.lua). A heap tells which
-- lane's packet is the earliest (merge_turns.lua). A packet is handed on as it is, in its capture's
-- own struct: it is valid until its lane is read on, which the next read does.
--
-- Ownership: the merged capture owns the others. They are read, and closed, by it alone.

local ffi = require "ffi"
local capture = require "pcap.capture"
local check = require "pcap.core.check"
local filtering = require "pcap.capture.filtering"
local interfaces = require "pcap.source.merge_interfaces"
local lanes = require "pcap.source.merge_lane"
local none = require "pcap.source.none"
local options = require "pcap.core.options"
local shim = require "pcap.core.shim"
local timeout_of = require "pcap.source.timeout"
local turns = require "pcap.source.merge_turns"

local merge = {}

local turns_change = shim.luapcap_turns_change
local turns_type = ffi.typeof "luapcap_turn[?]"

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

-- The next packet that the filter takes, whatever that needs.
local function search(self, timeout)
  timeout = timeout or self._timeout
  while true do
    local lane = self._ahead
    self._ahead = false
    if not lane then
      local reason
      turns.want_current(self)
      lane, reason = turns.next_lane(self, timeout)
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

capture.reads(lanes.read, search, fetch)

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
  turns.want_current(self)
  local lane, reason = turns.next_lane(self, timeout)
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
    self._lanes[i] = lanes.new(self, i, cap)
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
  elseif not cap._source.has_packets then
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
