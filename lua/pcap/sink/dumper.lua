--- The dumper: a savefile being written. Every write is checked.
--
-- The formats, classic.lua and pcapng.lua, decide what is written. A format's new() begins a file
-- and gives a writer. The writer has write() and whatever else the format can do.

local ffi = require "ffi"
local additions = require "pcap.sink.additions"
local check = require "pcap.core.check"
local in_use = require "pcap.core.in_use"
local object = require "pcap.sink.dumper_object"
local options = require "pcap.core.options"
local packet = require "pcap.packet"
local shim = require "pcap.core.shim"

local cast = ffi.cast
local bytes_pointer = ffi.typeof("const uint8_t *")
local is_packet = packet.is

local Dumper, failed = object.class, object.failed

-- Rounds to the nearest time that the file can hold, so that a time from next() is written as it
-- was read.
local function set_time(self, pkt, timestamp)
  local units = self._nano and 1e9 or 1e6
  local sec = math.floor(timestamp)
  local fraction = math.floor((timestamp - sec) * units + 0.5)
  if fraction == units then
    sec, fraction = sec + 1, 0
  end
  pkt.sec, pkt.nsec = sec, fraction * (1e9 / units)
end

-- Reads what the caller adds to a packet, by the format's kinds. Nil and a message if the format
-- can add nothing.
local function read_added(self, given, position)
  local kinds_of_packet = self._format.PACKET
  if not kinds_of_packet then
    return nil, self._format.name .. " has no options for packets"
  end
  return options.read(given, position, "dump", kinds_of_packet)
end

--- Writes a packet. The arguments are what cap:next() returns. So dumper:dump(cap:next()) copies a
-- packet, or returns nil and the reason if there is none.
---@param pkt string|luapcap_packet  a packet object is written with its own time and length
---@param timestamp? number|table  seconds; nil is the current time, to the microsecond. 0 is the
--- current time too, unless wirelen is given, as next() gives both: then 0 is the time 0. After a
--- packet object, this may be `more`
---@param wirelen? integer   bytes it had before it was cut (default #pkt)
---@param more? table        pcapng: { comment =, comments =, direction =, dropped =, flags =,
--- hash =, id =, queue =, verdict =, options =, interface = the number of the dumper's }
---@return table|nil dumper  itself
---@return string|nil message
---pcap_dump
function Dumper:dump(pkt, timestamp, wirelen, more)
  local handle = check.open(self, Dumper, "dump")
  local added, done, message
  if type(timestamp) == "table" then
    added, message = read_added(self, timestamp, 2)
    timestamp = nil
  elseif more ~= nil then
    added, message = read_added(self, more, 4)
  end
  if message then
    return failed(self, message)
  end
  if is_packet(pkt) then
    if pkt.data == nil then
      check.fail(1, "dump", "the packet's capture has been closed or read on")
    elseif timestamp ~= nil or wirelen ~= nil then
      check.fail(timestamp ~= nil and 2 or 3, "dump", "a packet object has its own time and length")
    end
    done, message = self._writer:write(handle, pkt, added)
    if not done then
      return failed(self, message)
    end
    return self
  end
  if pkt == nil and type(timestamp) == "string" then
    return nil, timestamp
  end
  if type(pkt) ~= "string" then
    check.fail(1, "dump", "packet or string expected, got " .. type(pkt))
  end
  local own = self._packet
  own.caplen = #pkt
  own.wirelen = wirelen == nil and #pkt or check.integer(wirelen, 3, "dump", #pkt, 2 ^ 32 - 1)
  timestamp = timestamp ~= nil and check.number(timestamp, 2, "dump")
  if not timestamp or timestamp == 0 and wirelen == nil then
    shim.luapcap_now(own)
  else
    set_time(self, own, timestamp)
  end
  own.data = cast(bytes_pointer, pkt) -- the argument `pkt` keeps the string alive until we return
  own.linktype = added and self._writer:linktype_of(added.interface) or self._writer.linktype
  done, message = self._writer:write(handle, own, added)
  if not done then
    return failed(self, message)
  end
  return self
end

--- Hands everything that was dumped to the system.
---@return table|nil dumper  itself
---@return string|nil message  also if an earlier write failed
---pcap_dump_flush
function Dumper:flush()
  local handle = check.open(self, Dumper, "flush")
  if shim.luapcap_dumper_flush(handle) ~= 0 then
    return failed(self)
  end
  return self
end

--- The bytes since the last call, for a dumper into memory (stream.lua). Others have none.
---@return string|nil bytes
---@return string|nil message
function Dumper:take()
  check.open(self, Dumper, "take")
  return failed(self, "only a dumper into memory has bytes to take")
end

--- Looks at the time, for a dumper that rotates (rotating.lua). Others have nothing to do.
---@param time? number  seconds (default: the system's clock)
---@return table|nil dumper  itself
---@return string|nil message
function Dumper:tick(time) -- luacheck: ignore 212
  check.open(self, Dumper, "tick")
  return self
end

--- Where in the file the next packet will be.
---@return integer|nil bytes  including those that are still in the buffer
---@return string|nil message  for a pipe, which has no positions, and after a failed write
---pcap_dump_ftell64
function Dumper:tell()
  local bytes = shim.luapcap_dumper_tell(check.open(self, Dumper, "tell"))
  if bytes < 0 then
    return failed(self)
  end
  return bytes
end

--- The descriptor that is written to. It stays the dumper's.
---@return integer fd
---pcap_dump_file
function Dumper:fileno()
  return shim.luapcap_dumper_fileno(check.open(self, Dumper, "fileno"))
end

--- Closes the dumper. It is closed even if this fails. Closing it again does nothing.
---@return boolean|nil true
---@return string|nil message  if not all that was dumped has reached the file. With a quota or NFS,
--- close(2) may be the first to tell
---pcap_dump_close
function Dumper:close()
  check.self(self, Dumper, "close")
  local handle = self._handle
  if handle then
    if self._writer.finish then
      self._writer:finish()
    end
    self._handle = false
    ffi.gc(handle, nil)
    local status = shim.luapcap_dumper_close(handle)
    local errno = ffi.errno()
    in_use.remove(self._in_use)
    if status ~= 0 then
      return failed(self, nil, errno)
    end
  end
  return true
end

for name, method in pairs(additions) do
  Dumper[name] = method
end

return object
