--- Reads packets: one by one or in loops, as strings or without making strings.
--
-- `next`, `next_packet` and `packets` share one path and one position.

local ffi = require "ffi"
local check = require "pcap.core.check"
local object = require "pcap.capture.object"
local options = require "pcap.core.options"

local ffi_string = ffi.string
local Capture, methods = object.class, {}

-- The options of seek().
local TARGET = { packet = options.integer(1, 2 ^ 53), time = options.number }

-- The packet at the window's position if the filter takes it, else whatever the source gives.
-- A caller's loop compiles because this has no loop and leaves the rest to tail calls. A closed
-- capture has an empty window.
local function step(self, timeout)
  if self._broken then
    return object.broken(self)
  end
  local pkt = self._packet
  if not self._take(self._window, pkt) then
    return self:_fetch(timeout or self._timeout)
  end
  local match = self._match
  if not match or match(pkt.data, pkt.caplen, pkt.wirelen, self) then
    return pkt
  end
  return self:_search()
end

-- After a string of more bytes than this, a step of garbage collection runs at once. At its own
-- pace the collector would let megabytes of such strings pile up.
local LARGE = 65536

local function next_within(self, timeout)
  local pkt, reason = step(self, timeout)
  if not pkt then
    return nil, reason
  end
  local capdata = ffi_string(pkt.data, pkt.caplen)
  if pkt.caplen > LARGE then
    collectgarbage("step", pkt.caplen / 512)
  end
  return capdata, pkt.sec + pkt.nsec / 1e9, pkt.wirelen
end

--- The next packet's bytes, time and length.
--
--     for capdata, timestamp, wirelen in cap.next, cap do ... end
--
---@return string|nil capdata  the captured bytes; nil at the end or on a failure
---@return number|string timestamp  seconds; or the reason: "timeout" (live), "closed" (no more
--- packets in the file), or libpcap's message
---@return integer|nil wirelen  bytes the packet had on the wire
---pcap_next_ex
function methods:next()
  check.open(self, Capture, "next")
  return next_within(self)
end

--- The next packet, without making a string of it.
---@return luapcap_packet|nil pkt  valid until the next read on this capture, or its close
---@return string|nil reason       as next() gives it
---pcap_next_ex
function methods:next_packet()
  check.open(self, Capture, "next_packet")
  return step(self)
end

local function finish(self, reason)
  self._ending = reason
  return nil, reason
end

local function loop_step(self)
  local pkt, reason = step(self)
  if pkt then
    return pkt
  end
  return finish(self, reason)
end

local function limited_step(loop)
  local left = loop.left
  if left > 0 then
    loop.left = left - 1
    return loop_step(loop.capture)
  end
  return finish(loop.capture, "limit")
end

--- Loops over the packets without making strings of them.
--
--     for pkt in cap:packets() do ... end   -- pkt is valid until the loop's next step
--
---@param limit? integer  packets at the most
---@return function iterator
---@return table state  the iterator's argument; it also keeps the capture alive
---pcap_next_ex
function methods:packets(limit)
  check.open(self, Capture, "packets")
  self._ending = "break"
  if limit == nil then
    return loop_step, self
  end
  return limited_step, { capture = self, left = check.integer(limit, 1, "packets", 0, 2 ^ 53) }
end

--- How the last packets() loop ended.
---@return string ending  "closed", "timeout", "limit", "break", or the error's message
function methods:ending()
  check.open(self, Capture, "ending")
  return self._ending
end

--- How far a savefile has been read, in bytes of the file as it is stored, compressed or not.
---@return integer|nil position
---@return integer|string|nil size  of the whole file, nil for a pipe; or the message
---ftello(3), fstat(2)
function methods:progress()
  check.open(self, Capture, "progress")
  return self._source.progress(self)
end

--- Goes to another packet of a savefile. The next read gives the packet with a number, counted from
-- 1 over all that the file holds, whatever the filter takes; or the first packet, in the file's
-- order, at or after a time. If there is no such packet, the position stays.
---@param target { packet?: integer, time?: number }  one of the two; seconds as next() gives them
---@return table|nil capture  itself
---@return string|nil message  why not; with a capture, a warning that the index cannot be kept
function methods:seek(target)
  check.open(self, Capture, "seek")
  check.table(target, 1, "seek")
  local given = options.read(target, 1, "seek", TARGET)
  if (given.packet == nil) == (given.time == nil) then
    check.fail(1, "seek", "one of 'packet' and 'time' expected")
  end
  if self._owner then
    check.fail("self", "seek", "a merge reads this capture")
  end
  return self._source.seek(self, given.packet or math.huge, given.time or math.huge)
end

--- Closes the capture; closing it again does nothing. Packets it handed out are gone.
---@return boolean true
---pcap_close
function methods:close()
  check.self(self, Capture, "close")
  object.close(self)
  return true
end

return { methods = methods, next_within = next_within }
