--- Following: a savefile whose end is its end only for now, since somebody still writes it.
--
-- Reads wait there as those of a live capture do. A watch (following_watch.lua) tells of changes.
-- If another file comes to the path, or the file has been cut off, a read tells so once, and the
-- next one begins with what is at the path now.

local ffi = require "ffi"
local capture = require "pcap.capture"
local filtering = require "pcap.capture.filtering"
local in_use = require "pcap.core.in_use"
local none = require "pcap.source.none"
local place = require "pcap.core.place"
local retry = require "pcap.core.retry"
local savefile = require "pcap.source.savefile"
local shim = require "pcap.core.shim"
local signals = require "pcap.core.signals"
local status_codes = require "pcap.core.status"
local timeout_of = require "pcap.source.timeout"
local watch = require "pcap.source.following_watch"

local following = {}

local monotonic, READY = shim.luapcap_monotonic, status_codes.READY

-- Seconds between two looks at the file where nothing tells of its changes.
local INTERVAL = 0.25
-- When bytes have come, more will probably come. To wait for them so many seconds costs less than
-- to read each as it comes. If so many bytes come in a pause, the next one is a long one.
local PAUSE, LONG_PAUSE, MANY = 0.1, 0.4, 2 ^ 20

local source

local numbers = ffi.new "double[2]"

-- The capture's `_refill`.
local function refill(self)
  local more, reason = savefile.refill(self)
  if more == false and self._window.problem == 0 then
    return nil, "more"
  end
  self._has_grown = self._has_grown or more or false
  return more, reason
end

-- Whether the file at the place is another one now: "rotated" or "truncated"; or nil.
local function change(self)
  local position, size = savefile.source.progress(self)
  if size < position then
    return "truncated"
  elseif self._path and shim.luapcap_file_moved(self._path,
    shim.luapcap_input_fileno(self._input)) ~= 0 then
    return "rotated"
  end
end

-- Gives the capture another file to read.
local function renew(self, opened)
  local memory, reading = self._memory, opened.reading
  savefile.source.release(memory)
  memory.handle, memory.input, memory.window = ffi.gc(opened.handle, nil), opened.input,
    opened.window
  if reading.owns_window then
    memory.owns_window, memory.window = true, ffi.gc(opened.window, nil)
  end
  ffi.gc(opened.input, nil)
  capture.reads(reading.take)
  self._handle, self._input, self._window = opened.handle, opened.input, opened.window
  self._format, self._take, self._index = reading, reading.take, nil
  capture.set_linktype(self, shim.luapcap_datalink(opened.handle))
  self._packet.interface = 1
  in_use.remove(self._in_use)
  self._in_use = self._note_use(self)
  watch.input(self)
  return filtering.apply_again(self)
end

-- Goes over to the file that is at the path now. Returns why the read ends; or nil if that file has
-- no header yet.
local function go_over(self, what)
  if not self._path then
    return self._name .. ": the file has been cut off"
  end
  local opened, message = retry.open(self._open, { path = self._path }, self._options)
  self._is_waited_for = message == "more"
  if self._is_waited_for then
    return nil
  elseif not opened then
    return self._name .. ": " .. message
  end
  capture.none(self)
  local applied, problem = renew(self, opened)
  return applied and what or problem
end

-- How many seconds to pass before the next look, when bytes have come.
local function pause(self)
  local position = savefile.source.progress(self)
  local came = position - self._rested_at
  self._rested_at = position
  return came < MANY and PAUSE or LONG_PAUSE
end

-- Rests until a time, or until another file comes to the path: a third one may follow, and then the
-- second would not be read.
local function rest_until(self, deadline, fd)
  local status, reason, left
  repeat
    watch.clear(self)
    left = deadline - monotonic()
    if left <= 0 or not self._is_waited_for and change(self) then
      return status
    end
    status, reason = signals.rest(self, left, fd)
    -- It is over early also if any other file comes to the folder.
  until status ~= READY or not self._handle
  return status, reason
end

-- The same. What is written to the file meanwhile does not end the rest.
local function rest_for(self, seconds)
  local is_deaf = watch.hear_writes(self, false)
  local rested, status, reason = pcall(rest_until, self, monotonic() + seconds,
    is_deaf and self._watch[0] or -1)
  if self._handle then -- no signal's handler has closed it
    watch.hear_writes(self, true)
  end
  if not rested then
    error(status, 0)
  end
  return status, reason
end

-- Waits once: until something has changed, or it is time to look.
local function wait_once(self, left)
  local now = monotonic()
  if self._has_grown then
    self._has_grown, self._rests_until = false, now + pause(self)
  end
  local fd, rest = self._watch[0], self._rests_until - now
  local status, reason
  if rest > 0 then
    status, reason = rest_for(self, left < rest and left or rest)
  else
    if (fd < 0 or self._is_waited_for) and left > INTERVAL then
      left = INTERVAL
    end
    status, reason = signals.wait(self, shim.luapcap_wait_fd, fd, left)
  end
  return status, reason or capture.interrupted(self)
end

-- Reads on when the file's end has been reached, or waits for more. What has happened is forgotten
-- before each read, so nothing that happens later is missed.
local function await(self, timeout)
  local deadline, left = monotonic() + timeout, timeout
  local has_looked, told = false
  repeat
    if has_looked or self._has_grown and left > 0 then
      local _, reason = wait_once(self, left)
      if reason then
        return capture.none(self, reason)
      end
    end
    watch.clear(self)
    local what = change(self)
    if what ~= "truncated" then
      local pkt, reason = savefile.source.search(self)
      if pkt or reason ~= "more" then
        return pkt, reason
      end
    end
    told, has_looked = what and go_over(self, what), true
    left = deadline - monotonic()
  until told or left <= 0
  signals.look()
  return capture.none(self, capture.interrupted(self) or told or "timeout")
end

local function fetch(self, timeout)
  local pkt, reason = savefile.source.fetch(self)
  if reason == "more" then
    return await(self, timeout or self._timeout)
  end
  return pkt, reason
end

capture.reads(await, savefile.source.fetch, savefile.source.search)

source = none.new {
  kind = "savefile", is_always_ready = false, fetch = fetch,
  set_nonblock = timeout_of.set_nonblock, nonblock = timeout_of.nonblock,
  progress = savefile.source.progress, seek = savefile.source.seek,
  metadata = savefile.source.metadata, interfaces = savefile.source.interfaces,
  linktypes = savefile.source.linktypes, is_here = false,
}

-- The filter may take none of the packets that are left.
function source.search(self)
  local pkt, reason = savefile.source.search(self)
  if reason == "more" then
    return await(self, self._timeout)
  end
  return pkt, reason
end

-- Whether a read has something to do at once.
function source.is_ready(self)
  local format = self._format
  if not format.is_short(format.state, self._window) then
    return true
  elseif self._is_waited_for then
    return false
  end
  shim.luapcap_input_progress(self._input, 0, numbers, numbers + 1)
  return numbers[0] ~= numbers[1] or change(self) ~= nil
end

function source.wait(self, timeout)
  local deadline = monotonic() + timeout
  repeat
    local was_waited_for = self._is_waited_for
    local left = deadline - monotonic()
    local status, reason = 1, nil
    if left > 0 and (self._has_grown or self._rests_until > monotonic()
      or not source.is_ready(self)) then
      watch.clear(self)
      if self._has_grown or not source.is_ready(self) then
        status, reason = wait_once(self, left)
      end
    end
    if reason then
      return nil, reason
    elseif source.is_ready(self) or was_waited_for and status == 0 then
      return true
    end
  until deadline - monotonic() <= 0
  return nil, "timeout"
end

capture.reads(source.wait)

source.descriptor = watch.descriptor

function source.rest()
  return PAUSE
end

function source.required_timeout(self)
  return (self._watch[0] < 0 or self._is_waited_for) and INTERVAL or -1
end

function source.release(memory)
  savefile.source.release(memory)
  watch.release(memory)
end

-- Opens the file when its header is there.
local function open_in_time(open, from, opts)
  local deadline = monotonic() + (opts.timeout or 0)
  local waiting = { _handle = true, _broken = false }
  while true do
    local self, message = retry.open(open, from, opts)
    local left = deadline - monotonic()
    if self or message ~= "more" then
      return self, message
    elseif left <= 0 then
      return nil, "the file's header has not come yet"
    end
    -- No math.min(): see core/signals.lua.
    signals.rest(waiting, left < PAUSE and left or PAUSE)
  end
end

--- Opens a savefile to follow it.
---@param offline table  the module, which is above this one
---@param open function  opens it as any other
---@param from table     of place.read()
---@param opts table     of open_offline()
---@return table|nil capture
---@return string|nil message
function following.open(offline, open, from, opts)
  local self, message = open_in_time(open, from, opts)
  if not self then
    return nil, message
  end
  timeout_of.set(self, opts.timeout or 0)
  self._source, self._fetch, self._search = source, source.fetch, source.search
  self._refill = refill
  self._path = place.is_path(from) and from.path or nil
  self._open, self._options, self._note_use = offline.open, opts, offline.in_use
  self._has_grown, self._rests_until, self._rested_at = false, 0, 0
  self._is_waited_for = false
  watch.add(self)
  return self
end

return following
