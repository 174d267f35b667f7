--- The dumper: a savefile being written, with every write checked.
--
-- Ownership: `_handle` is the shim's luapcap_dumper, with its buffer and its descriptor, closed by
-- close() or by its finalizer. It needs nothing of the capture that opened it.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local check = require "pcap.core.check"
local DLT = require "pcap.dlt"
local file = require "pcap.sink.file"
local failure = require "pcap.core.failure"
local in_use = require "pcap.core.in_use"
local kinds = require "pcap.sink.kinds"
local options = require "pcap.core.options"
local packet = require "pcap.packet"
local place = require "pcap.core.place"
local retry = require "pcap.core.retry"
local shim = require "pcap.core.shim"

local cast = ffi.cast
local bytes_pointer = ffi.typeof("const uint8_t *")
local is_packet = packet.is

local dumper = {}

local Dumper = { __name = "pcap dumper" }
Dumper.__index = Dumper

-- Closes the handle if it is collected. Until that has been done the file is in use, and a Lua
-- file stays open: closing a pipe of io.popen() waits for its end, which the handle would hold up.
local function close_when_collected(handle, token, luafile)
  local kept = { token = token, file = luafile }
  return ffi.gc(handle, function(it)
    shim.luapcap_dumper_close(it)
    in_use.remove(kept.token)
  end)
end

local function open(where, kind, append, own)
  local fd, message, errno = file.open(where, append, own)
  if not fd then
    return nil, message, errno
  end
  local is_new = message
  local token = in_use.add(fd, "another dumper is writing it")
  local handle = shim.luapcap_dumper_open(fd, file.path_of(where), append and 1 or 0,
    kind.linktype, kind.extension or 0, kind.snaplen, kind.precision, failure.clear())
  if handle == nil then
    errno = ffi.errno()
    in_use.remove(token)
    if is_new then
      os.remove(where.path)
    end
    return nil, place.named(where, failure.text()), errno
  end
  local scratch = packet.new(0) -- for strings
  scratch.linktype = kind.linktype
  return setmetatable({
    _handle = close_when_collected(handle, token, where.file),
    _in_use = token,
    _name = where.name,
    _longest = kinds.longest_packet(kind),
    _linktype = kind.linktype,
    _nano = kind.precision == cdefs.TSTAMP_PRECISION_NANO,
    _packet = scratch,
  }, Dumper)
end

--- Opens a savefile for packets of a kind.
---@param where table      of place.read()
---@param kind table       of kinds.of()
---@param append? boolean  whether to add to an existing file, which needs a path
---@param own? table       in_use's token of the capture whose packets are to be written
---@return table|nil dumper
---@return string|nil message
function dumper.open(where, kind, append, own)
  return retry.open(open, where, kind, append, own)
end

local function failed(self, errno)
  return nil, self._name .. ": " .. failure.system(errno)
end

local function name_of(linktype)
  return DLT[linktype] or tostring(linktype)
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
  if pkt.linktype ~= self._linktype then
    return nil, ("%s: packet of link type %s does not go into a file of %s")
      :format(self._name, name_of(pkt.linktype), name_of(self._linktype))
  end
  if not is_storable(pkt.sec) then
    return nil, ("%s: a savefile cannot hold a time of %.0f seconds"):format(self._name, pkt.sec)
  end
  if shim.luapcap_dumper_write(handle, pkt) ~= 0 then
    return failed(self)
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
---@param timestamp? number  seconds; nil is the current time, to the microsecond, and so is 0
--- without wirelen. With it, as next() gives both, 0 is the time 0
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
  timestamp = timestamp ~= nil and check.number(timestamp, 2, "dump")
  if not timestamp or timestamp == 0 and wirelen == nil then
    shim.luapcap_now(own)
  else
    set_time(self, own, timestamp)
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
    return failed(self)
  end
  return self
end

--- Where the next packet will stand in the file.
---@return integer|nil bytes  those that are still in the buffer too
---@return string|nil message  as for a pipe, which has no positions, and after a failed write
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

--- Closes the dumper, which is closed then even if this fails; again does nothing.
---@return boolean|nil true
---@return string|nil message  when what was dumped did not all reach the file, which may show in
--- close(2) only, as with a quota or NFS
---pcap_dump_close
function Dumper:close()
  if getmetatable(self) ~= Dumper then
    check.open(self, Dumper, "close")
  end
  local handle = self._handle
  if handle then
    self._handle = false
    ffi.gc(handle, nil)
    local status = shim.luapcap_dumper_close(handle)
    local errno = ffi.errno()
    in_use.remove(self._in_use)
    if status ~= 0 then
      return failed(self, errno)
    end
  end
  return true
end

function Dumper:__tostring()
  return ("%s (%s%s)"):format(Dumper.__name, self._name, self._handle and "" or ", closed")
end

local OPTIONS = {
  file = function(value)
    return place.of(value), "path, descriptor or open Lua file"
  end,
  linktype = options.integer(0, 2 ^ 31 - 1),
  snaplen = options.integer(0, 2 ^ 31 - 1),
  precision = options.precision,
  append = options.flag,
}

--- Opens a savefile to write packets to, with no capture. The options `linktype`, `snaplen` and
-- `precision` are those of pcap.open_dead(), `file` and `append` those of cap:dump_open().
---@param opts table  {file = fname, linktype = (default EN10MB), snaplen = (default, and 0: 65535),
--- precision = "micro"|"nano" (default "micro"), append = boolean}
---@return table|nil dumper
---@return string|nil message  naming the file
---pcap_dump_fopen, pcap_dump_open_append
function dumper.dumper(opts)
  check.table(opts, 1, "dumper")
  opts = options.read(opts, 1, "dumper", OPTIONS)
  local where = opts.file
  if not where then
    check.fail(1, "dumper", "option 'file' is missing")
  end
  if opts.append and not place.is_path(where) then
    check.fail(1, "dumper", "option 'append' needs a path")
  end
  return dumper.open(where, {
    linktype = opts.linktype or DLT.EN10MB,
    snaplen = (opts.snaplen or 0) > 0 and opts.snaplen or kinds.WHOLE_PACKET,
    precision = opts.precision or cdefs.TSTAMP_PRECISION_MICRO,
  }, opts.append)
end

return dumper
