--- A dumper whose bytes a thread of the shim writes, so that a slow disk holds up nobody else.
--
-- Bytes wait in memory for the thread, up to a limit. close() waits for it.

local failure = require "pcap.core.failure"
local relay = require "pcap.sink.relay"
local shim = require "pcap.core.shim"
require "pcap.sink.recording_cdefs"

local threaded = {}

--- How many bytes may wait, if the caller does not say.
threaded.LIMIT = 64 * 2 ^ 20

local Writer = relay.class(function(self)
  return self.inner
end, function(_, done, message)
  return done, message
end)

--- Writes a packet, unless there is no room for it.
function Writer:write(handle, pkt, added)
  local waiting = shim.luapcap_dumper_waiting(handle)
  if waiting + pkt.caplen + pkt.options_length > self.limit then
    return nil, ("no room: %.0f bytes wait to be written, and the limit is %.0f")
      :format(waiting, self.limit)
  end
  local done, message = self.inner:write(handle, pkt, added)
  return done, message
end

function Writer:linktype_of(number)
  return self.inner:linktype_of(number)
end

function Writer:finish()
  if self.inner.finish then
    self.inner:finish()
  end
end

--- Lets a thread write for a dumper.
---@param self table          of dumper.new(), of which the header has been written
---@param limit integer|nil   the most bytes that may wait
---@return boolean|nil true
---@return string|nil message  if there can be no thread
function threaded.start(self, limit)
  if shim.luapcap_dumper_start_thread(self._handle) ~= 0 then
    return nil, failure.system()
  end
  local inner = self._writer
  self._writer = setmetatable({ inner = inner, linktype = inner.linktype, limit = limit
    or threaded.LIMIT, section = inner.section, started = inner.started }, Writer)
  return true
end

return threaded
