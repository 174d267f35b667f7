--- The dumper: a savefile being written, with every write checked.
--
-- Ownership: `_handle` is the shim's luapcap_dumper, with its stream, closed by close() or by its
-- finalizer. It needs nothing of the capture that opened it.

local ffi = require "ffi"
local cdefs = require "pcap.cdefs"
local check = require "pcap.check"
local DLT = require "pcap.dlt"
local packet = require "pcap.packet"
local place = require "pcap.place"
local shim = require "pcap.shim"

local cast = ffi.cast
local bytes_pointer = ffi.typeof("const uint8_t *")
local is_packet = packet.is

local dumper = {}

local Dumper = { __name = "pcap dumper" }
Dumper.__index = Dumper

local errbuf = ffi.new("char[?]", cdefs.ERRBUF_SIZE)

-- The longest packet that libpcap reads back, whatever the snapshot length; those of some link
-- types may be longer.
local MAX_CAPLEN = 262144
local HAS_LONGER = {}
for _, name in ipairs { "DBUS", "EBHSCR", "USBPCAP" } do
  HAS_LONGER[DLT[name] or name] = true
end

local function longest_packet(handle)
  local snaplen = shim.luapcap_snapshot(handle)
  return HAS_LONGER[shim.luapcap_datalink(handle)] and snaplen or math.min(snaplen, MAX_CAPLEN)
end

--- Opens a savefile for packets of the kind that a handle gives.
---@param handle ffi.cdata*  pcap_t *, not needed afterwards
---@param where table        of place.read()
---@param append? boolean    whether to add to an existing file
---@return table|nil dumper
---@return string|nil message
---@return integer|nil errno
function dumper.open(handle, where, append)
  errbuf[0] = 0
  local fd = where.fd or -1
  if where.file then
    where.file:flush()
    fd = shim.luapcap_file_fileno(where.file)
  end
  local opened = shim.luapcap_dumper_open(handle, where.path, fd, append and 1 or 0, errbuf)
  if opened == nil then
    local errno = ffi.errno()
    return nil, place.named(where, ffi.string(errbuf)), errno
  end
  return setmetatable({
    _handle = ffi.gc(opened, shim.luapcap_dumper_free),
    _name = where.name,
    _longest = longest_packet(handle),
    _nano = shim.luapcap_get_tstamp_precision(handle) == cdefs.TSTAMP_PRECISION_NANO,
    _packet = packet.new(0),
  }, Dumper)
end

local function failure(self)
  return nil, self._name .. ": " .. ffi.string(shim.luapcap_strerror(ffi.errno()))
end

-- The fields of 32 bits that a savefile has for seconds; readers differ in their sign.
local function is_storable(sec)
  return sec >= -2 ^ 31 and sec < 2 ^ 32
end

local function write(self, handle, pkt)
  if pkt.caplen > self._longest then
    return nil, ("%s: packet of %d bytes is longer than the %d that the file can hold")
      :format(self._name, pkt.caplen, self._longest)
  end
  if not is_storable(pkt.sec) then
    return nil, ("%s: a savefile cannot hold a time of %.0f seconds"):format(self._name, pkt.sec)
  end
  if shim.luapcap_dumper_write(handle, pkt) ~= 0 then
    return failure(self)
  end
  return self
end

-- Splits at the nearest unit that the file can hold, so that what next() gave comes out as read.
local function set_time(self, pkt, timestamp)
  local units = self._nano and 1e9 or 1e6
  local sec = math.floor(timestamp)
  local fraction = math.floor((timestamp - sec) * units + 0.5)
  if fraction == units then
    sec, fraction = sec + 1, 0
  end
  pkt.sec, pkt.nsec = sec, fraction * (1e9 / units)
end

--- Writes a packet. The arguments are what cap:next() returns, so that
-- dumper:dump(cap:next()) copies one, or hands back nil and the reason that there is none.
---@param pkt string|luapcap_packet  a packet object is written with its own time and length
---@param timestamp? number  seconds; nil or 0 is the current time, to the microsecond
---@param wirelen? integer   bytes it had before it was cut (default #pkt)
---@return table|nil dumper  itself
---@return string|nil message
---pcap_dump
function Dumper:dump(pkt, timestamp, wirelen)
  local handle = check.open(self, Dumper, "dump")
  if is_packet(pkt) then
    if pkt.data == nil then
      check.fail(1, "dump", "the packet's capture has been closed or read on")
    end
    return write(self, handle, pkt)
  end
  if pkt == nil and type(timestamp) == "string" then
    return nil, timestamp
  end
  check.bytes(pkt, 1, "dump")
  local own = self._packet
  own.caplen = #pkt
  own.wirelen = wirelen == nil and #pkt or check.integer(wirelen, 3, "dump", #pkt, 2 ^ 32 - 1)
  if timestamp == nil or timestamp == 0 then
    shim.luapcap_now(own)
  else
    set_time(self, own, check.number(timestamp, 2, "dump"))
  end
  own.data = cast(bytes_pointer, pkt) -- `pkt`, an argument, keeps the string until we return
  local done, message = write(self, handle, own)
  return done, message
end

--- Hands all that was dumped to the system.
---@return table|nil dumper  itself
---@return string|nil message  also when an earlier write failed
---pcap_dump_flush
function Dumper:flush()
  local handle = check.open(self, Dumper, "flush")
  if shim.luapcap_dumper_flush(handle) ~= 0 then
    return failure(self)
  end
  return self
end

--- Where the next packet will stand in the file.
---@return integer|nil bytes  those that are still in the buffer too
---@return string|nil message  as for a pipe, which has no positions
---pcap_dump_ftell64
function Dumper:tell()
  local bytes = shim.luapcap_dumper_tell(check.open(self, Dumper, "tell"))
  if bytes < 0 then
    return failure(self)
  end
  return bytes
end

--- The descriptor that is written to. It stays the dumper's.
---@return integer fd
---pcap_dump_file
function Dumper:fileno()
  return shim.luapcap_dumper_fileno(check.open(self, Dumper, "fileno"))
end

--- Closes the dumper, which is closed then even if this fails; again does nothing.
---@return boolean|nil true
---@return string|nil message  when what was dumped did not all reach the system
---pcap_dump_close
function Dumper:close()
  if getmetatable(self) ~= Dumper then
    check.open(self, Dumper, "close")
  end
  local handle = self._handle
  if handle then
    self._handle = false
    ffi.gc(handle, nil)
    if shim.luapcap_dumper_close(handle) ~= 0 then
      return failure(self)
    end
  end
  return true
end

function Dumper:__tostring()
  return ("%s (%s%s)"):format(Dumper.__name, self._name, self._handle and "" or ", closed")
end

return dumper
