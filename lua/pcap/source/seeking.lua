--- Seeking in a savefile: the next read gives a certain packet.
--
-- The first time, the file is read from its beginning up to that packet, and an index remembers
-- where packets stand. Later the file is read only from the entry before the packet.

local capture = require "pcap.capture"
local index = require "pcap.source.index"
local index_file = require "pcap.source.index_file"
local savefile = require "pcap.source.savefile"
local shim = require "pcap.core.shim"

local seeking = {}

local next_of_all = savefile.next_of_all

-- Reads packets from a place until one has the number or is at or after the time. Returns where
-- that one begins, or nil and why there is none.
local function find(self, known, count, latest, packet, time)
  local window, pkt, take = self._window, self._packet, self._format.take
  local reached = known.reached[0]
  while true do
    local at = window.offset + window.pos
    if not take(window, pkt) then
      local read, reason = next_of_all(self)
      if not read then
        return nil, reason
      end
    end
    count = count + 1
    local own = pkt.sec + pkt.nsec / 1e9
    if own > latest then
      latest = own
    end
    if count > reached.count then
      known:note(window.offset + window.pos, count, latest)
    end
    if count >= packet or own >= time then
      return at
    end
  end
end

capture.reads(find, next_of_all)

-- The index of a capture's file: one that is kept beside it, or a new one.
local function index_of(self)
  local format = self._format
  if not self._index then
    local blocks = format.position and format.position.blocks() or nil
    self._index = index.new(format.start, blocks)
    if self._index_path then
      index_file.load(self._index, self._index_path, self)
    end
  end
  return self._index
end

-- Goes to the place where a packet or block begins.
local function go(self, known, offset)
  local format, window = self._format, self._window
  shim.luapcap_window_seek(window, self._input, offset)
  if format.position then
    return format.position.replay(format.state, window, known.blocks, offset)
  end
  return true
end

-- Finds the packet, and stands before it.
local function go_to(self, known, packet, time)
  local format, place = self._format, known:before(packet, time)
  local done, reason = go(self, known, place.offset)
  if not done then
    return nil, reason
  end
  if format.position then
    format.position.note(format.state, known.blocks)
  end
  local called, at, ending = pcall(find, self, known, place.count, place.latest, packet, time)
  if format.position then
    format.position.note(format.state, nil)
  end
  if not called then
    return nil, at, true
  elseif at then
    at, ending = go(self, known, at)
  end
  return at, ending
end

local function not_found(self, known, ending, packet)
  if ending ~= "closed" then
    return ending
  elseif packet < math.huge then
    return ("%s: there is no packet %.0f, only %.0f"):format(self._name, packet,
      known.reached[0].count)
  end
  return self._name .. ": no packet is at or after this time"
end

-- Why the source cannot be read from another place, or nil.
local function problem(self)
  local position, message = self._source.progress(self)
  if not position then
    return message
  elseif not self._format.start
    or shim.luapcap_window_seek(self._window, self._input, self._window.offset
      + self._window.pos) == 0 then
    return self._name .. ": a compressed file has no places to go to: unpack it first"
  end
end

--- Goes to the first packet that has a number or is at or after a time. If there is none, the
-- position stays.
---@param self table     a capture of a savefile
---@param packet number  counted from 1, or math.huge
---@param time number    seconds, or math.huge
---@return table|nil capture
---@return string|nil message  why not; with a capture, a warning that the index cannot be kept
function seeking.seek(self, packet, time)
  capture.none(self)
  local message = problem(self)
  if message then
    return nil, message
  end
  local format, window = self._format, self._window
  local offset = window.offset + window.pos
  local saved = format.position and format.position.save(format.state)
  local known = index_of(self)
  local found, ending, is_error = go_to(self, known, packet, time)
  if not self._handle then -- a signal's handler has closed it
    return nil, "closed"
  end
  if not found then
    shim.luapcap_window_seek(window, self._input, offset)
    if saved then
      format.position.put_back(format.state, window, saved)
    end
    capture.none(self)
  end
  if is_error then
    error(ending, 0)
  end
  local warning = self._index_path and index_file.keep(known, self._index_path, self)
  if found then
    return self, warning
  end
  return nil, not_found(self, known, ending, packet)
end

return seeking
