--- A dumper onto a function, or into memory.
--
-- The shim gathers the bytes. A function gets them in pieces of the shim's buffer. If the function
-- yields, packets that come meanwhile wait in memory, up to the limit.

local ffi = require "ffi"
local dumper = require "pcap.sink.dumper"
local check = require "pcap.core.check"
local failure = require "pcap.core.failure"
local options = require "pcap.core.options"
local relay = require "pcap.sink.relay"
local shim = require "pcap.core.shim"
require "pcap.sink.recording_cdefs"

local stream = {}

--- How many bytes may be in memory, if the caller does not say.
stream.LIMIT = 64 * 2 ^ 20

stream.limit = options.integer(1, 2 ^ 40)

-- Memory up to this stays for the next piece. A piece is 64 KB, and a packet may follow it.
local KEPT = 2 ^ 18
local EIO = 5
-- The most that a format adds to a packet's bytes and options.
local AROUND = 64

-- Gives the function what is in memory. Most calls go one round: so this is a loop of `goto`.
local function deliver(self)
  local handle, give = self.handle, self.give
  ::again::
  local may_give = give and not self.is_giving and not self.failure
  local held = may_give and shim.luapcap_dumper_held(handle) or 0
  if held > 0 then
    self.is_giving = true
    local returned, done, message = pcall(give, shim.luapcap_dumper_bytes(handle), held)
    self.is_giving = false
    if self.is_closed then
      self.failure = "its function has closed the dumper"
      shim.luapcap_dumper_close(ffi.gc(handle, nil))
    elseif not returned or not done and message ~= nil then
      self.failure = tostring(returned and message or done)
      shim.luapcap_dumper_break(handle, EIO)
    end
    if not returned then
      error(done, 0)
    elseif not self.is_closed then
      self.released = self.released + held
      shim.luapcap_dumper_release(handle, held, KEPT)
      goto again
    end
  end
  if self.failure then
    return nil, self.failure
  end
  return true
end

local Writer = relay.class(function(self)
  return self.inner
end, function(self, done, message)
  if not done then
    return nil, message or self.failure
  end
  return done
end)

--- Writes a packet, unless there is no room for it.
function Writer:write(handle, pkt, added)
  local waiting = shim.luapcap_dumper_tell(handle) - self.released
  if waiting + pkt.caplen + pkt.options_length + AROUND > self.limit then
    return nil, ("no room: %.0f bytes wait in memory, and the limit is %.0f")
      :format(waiting, self.limit)
  end
  local done, message = self.inner:write(handle, pkt, added)
  if not done then
    return nil, message or self.failure
  elseif self.give and shim.luapcap_dumper_held(handle) > 0 then
    return deliver(self)
  end
  return true
end

function Writer:linktype_of(number)
  return self.inner:linktype_of(number)
end

local Stream = dumper.derived()

--- Gives the function everything that was dumped.
function Stream:flush()
  local handle = check.open(self, Stream, "flush")
  local writer = self._writer
  if shim.luapcap_dumper_flush(handle) ~= 0 then
    return nil, self._name .. ": " .. (writer.failure or failure.system())
  end
  local done, message = deliver(writer)
  if not done then
    return nil, self._name .. ": " .. message
  end
  return self
end

-- The bytes in memory as a string. They are forgotten.
local function take(self)
  local handle, writer = self._handle, self._writer
  local held = shim.luapcap_dumper_held(handle)
  local bytes = ffi.string(shim.luapcap_dumper_bytes(handle), held)
  shim.luapcap_dumper_release(handle, held, KEPT)
  writer.released = shim.luapcap_dumper_tell(handle)
  return bytes
end

--- The bytes since the last call, as a string. After close() it gives the last ones.
---@return string|nil bytes
---@return string|nil message
function Stream:take()
  check.self(self, Stream, "take")
  if self._writer.give then
    return nil, self._name .. ": its bytes go to the function"
  elseif not self._handle then
    local rest = self._rest
    self._rest = ""
    return rest
  elseif shim.luapcap_dumper_flush(self._handle) ~= 0 then
    return nil, self._name .. ": " .. failure.system()
  end
  return take(self)
end

--- Closes the dumper. The function gets the rest first.
function Stream:close()
  check.self(self, Stream, "close")
  local handle, writer = self._handle, self._writer
  if not handle then
    return true
  end
  if writer.is_giving then -- the function has the bytes: deliver() frees them when it is back
    self._handle, writer.is_closed = false, true
    return nil, self._name .. ": its function has not returned"
  elseif writer.inner.finish then
    writer.inner:finish()
  end
  local message
  if shim.luapcap_dumper_finish(handle) ~= 0 then
    message = writer.failure or failure.system()
  elseif writer.give then
    message = select(2, deliver(writer))
  else
    self._rest = take(self)
  end
  local closed, other = dumper.class.close(self)
  if message then
    return nil, self._name .. ": " .. message
  end
  return closed, other
end

--- Turns a dumper into memory into a stream.
---@param self table          of dumper.new()
---@param give function|nil   give(pointer, length), with a const uint8_t *, which is valid until
--- it returns or yields. It fails if it returns nil or false and a message. Nil: take() gives the
--- bytes
---@param limit integer|nil   the most bytes that may be in memory
---@return table
function stream.of(self, give, limit)
  local inner = self._writer
  self._writer = setmetatable({ inner = inner, linktype = inner.linktype, handle = self._handle,
    give = give or false, limit = limit or stream.LIMIT, released = 0, is_giving = false,
    is_closed = false, failure = false }, Writer)
  self._rest = ""
  return setmetatable(self, Stream)
end

return stream
