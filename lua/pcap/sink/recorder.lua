--- The flight recorder: the last packets, in memory, to be saved when something happens.
--
-- It is a dumper whose writer puts packets into the shim's ring.
--
-- Ownership: `_handle` is the shim's luapcap_recorder, which close() or its finalizer frees.

local ffi = require "ffi"
local check = require "pcap.core.check"
local cdefs = require "pcap.core.cdefs"
local DLT = require "pcap.dlt"
local dumper = require "pcap.sink.dumper"
local failure = require "pcap.core.failure"
local opening = require "pcap.sink.opening"
local options = require "pcap.core.options"
local packet = require "pcap.packet"
local place = require "pcap.core.place"
local shim = require "pcap.core.shim"
require "pcap.sink.recording_cdefs"

local recorder = {}

--- How many bytes the ring may take, if the caller does not say.
recorder.LIMIT = 64 * 2 ^ 20

-- What a packet takes in the ring besides its bytes and options, at most.
local AROUND = 55

-- The longest packet that libpcap reads.
local WHOLE_PACKET = 262144

local Writer = {}
Writer.__index = Writer

--- Puts a packet into the ring.
function Writer:write(handle, pkt)
  if shim.luapcap_recorder_add(handle, pkt) ~= 0 then
    if pkt.caplen + pkt.options_length + AROUND > self.limit then
      return nil, ("packet of %d bytes does not go into %.0f bytes"):format(pkt.caplen, self.limit)
    end
    return nil, failure.system()
  end
  return true
end

local Recorder = dumper.derived()
Recorder.__name = "pcap recorder"

local function is_dumper(value)
  local class = getmetatable(value)
  return type(value) == "table" and type(class) == "table"
    and (class == dumper.class or rawget(class, "__parent") == dumper.class)
end

-- A cursor over the packets that are there now. If its user raises an error, or its thread is
-- killed, it is collected.
local function cursor_of(self)
  local cursor = shim.luapcap_cursor_new(self._handle)
  if cursor == nil then
    return nil, failure.system()
  end
  return ffi.gc(cursor, shim.luapcap_cursor_free)
end

local function free(cursor)
  shim.luapcap_cursor_free(ffi.gc(cursor, nil))
end

-- Dumps the packets that are there now. Returns their number.
local function give(self, target)
  local cursor, message = cursor_of(self)
  if not cursor then
    return nil, message
  end
  local pkt, count = packet.new(0), 0
  local status
  repeat
    status = shim.luapcap_cursor_next(cursor, pkt)
    if status == 1 then
      local done, problem = target:dump(pkt)
      if not done then
        free(cursor)
        return nil, problem
      end
      count = count + 1
    end
  until status ~= 1
  free(cursor)
  if status < 0 then
    return nil, ("%s: %s while it was being saved"):format(Recorder.__name,
      self._handle and "too many packets came" or "has been closed")
  end
  return count
end

-- The link type of the first packet that will be saved.
local function linktype_of(self)
  local cursor, pkt = cursor_of(self), packet.new(0)
  local has_packet = cursor and shim.luapcap_cursor_next(cursor, pkt) == 1
  if cursor then
    free(cursor)
  end
  return has_packet and pkt.linktype or self._writer.linktype
end

-- Opens the file of a name.
local function open(self, where, opts)
  return opening.open(where, {
    linktype = opts.linktype or linktype_of(self),
    snaplen = (opts.snaplen or 0) > 0 and opts.snaplen or WHOLE_PACKET,
    precision = opts.precision or cdefs.TSTAMP_PRECISION_NANO,
  }, opts)
end

-- Saves to a new file.
local function save_to_file(self, where, opts)
  local file, message = open(self, where, opts)
  if not file then
    return nil, message
  end
  local is_sound, count, problem = pcall(give, self, file) -- Ctrl-C may raise an error
  local closed, other = file:close()
  if not is_sound then
    error(count, 0)
  elseif not count then
    return nil, problem
  end
  return closed and count or nil, other
end

--- Saves the packets of the last seconds, or all that are there. They stay in the recorder. Packets
-- that are dumped into it meanwhile are not saved.
---@param target string|integer|file*|table  as fname of cap:dump_open(), or a dumper, which stays
--- open
---@param opts? table   for a file: as pcap.dumper() takes them, but precision is "nano" by default
---@return integer|nil count  packets
---@return string|nil message  naming the file
function Recorder:save(target, opts)
  check.open(self, Recorder, "save")
  local where = not is_dumper(target) and place.read(target, "save")
  opts = options.read(opts, 2, "save", where and opening.WITH_KIND or {})
  local problem = where and opening.problem(where, opts)
  if problem then
    check.fail(2, "save", problem)
  end
  local count, message
  if where then
    count, message = save_to_file(self, where, opts)
  else
    count, message = give(self, target)
  end
  return count, message
end

--- What is in the recorder.
---@return { packets: integer, bytes: integer }  bytes of memory, with the packets' headers
function Recorder:stats()
  local handle = check.open(self, Recorder, "stats")
  return { packets = shim.luapcap_recorder_packets(handle),
    bytes = shim.luapcap_recorder_bytes(handle) }
end

--- Does nothing: a recorder has no file.
function Recorder:flush()
  check.open(self, Recorder, "flush")
  return self
end

local function no_file(name)
  return function(self)
    check.open(self, Recorder, name)
    return nil, Recorder.__name .. " has no file"
  end
end

Recorder.tell, Recorder.fileno = no_file "tell", no_file "fileno"

--- Frees the packets. Closing it again does nothing.
---@return boolean true
function Recorder:close()
  check.self(self, Recorder, "close")
  local handle = self._handle
  if handle then
    self._handle = false
    shim.luapcap_recorder_free(ffi.gc(handle, nil))
  end
  return true
end

function Recorder:__tostring()
  return Recorder.__name .. (self._handle and "" or " (closed)")
end

local function seconds(value)
  if type(value) == "number" and value > 0 and value < math.huge then
    return value
  end
  return nil, "seconds"
end

local RING = {
  seconds = seconds,
  bytes = options.integer(1, 2 ^ 40),
  linktype = options.integer(0, 2 ^ 31 - 1),
}

--- Makes a recorder.
---@param opts table  {seconds = the last ones count, before the newest packet; bytes = of memory,
--- at most (default 64 MB); linktype = of strings that are dumped (default EN10MB)}
---@return table|nil recorder
---@return string|nil message
function recorder.recorder(opts)
  check.table(opts, 1, "recorder")
  opts = options.read(opts, 1, "recorder", RING)
  if not opts.seconds and not opts.bytes then
    check.fail(1, "recorder", "option 'seconds' or 'bytes' is missing")
  end
  local limit = opts.bytes or recorder.LIMIT
  local handle = shim.luapcap_recorder_new(limit, opts.seconds or 0)
  if handle == nil then
    return nil, failure.system()
  end
  handle = ffi.gc(handle, shim.luapcap_recorder_free)
  local writer = setmetatable({ limit = limit,
    linktype = opts.linktype or DLT.EN10MB }, Writer)
  return dumper.new(handle, { _name = Recorder.__name, _writer = writer, _nano = true,
    _format = { name = Recorder.__name } }, Recorder)
end

return recorder
