--- A dumper that goes on in the next file when one is complete.
--
-- It owns one dumper at a time, that of the present file. Before each packet its writer decides
-- whether the next file begins. The next file is opened before the present one is closed: if that
-- fails, the present one stays, and the next packet tries again.

local cdefs = require "pcap.core.cdefs"
local check = require "pcap.core.check"
local dumper = require "pcap.sink.dumper"
local failure = require "pcap.core.failure"
local limits = require "pcap.sink.limits"
local options = require "pcap.core.options"
local place = require "pcap.core.place"
local relay = require "pcap.sink.relay"
local series = require "pcap.sink.series"
local shim = require "pcap.core.shim"

local rotating = {}

local CLOCKS = { packet = "packet", wall = "wall" }

--- The options of a rotation.
rotating.OPTIONS = {
  bytes = options.integer(1, 2 ^ 53),
  seconds = options.integer(1, 2 ^ 31),
  packets = options.integer(1, 2 ^ 53),
  keep = options.integer(1, 2 ^ 31),
  on_close = function(value)
    return type(value) == "function" and value or nil, "function"
  end,
  clock = function(value)
    return CLOCKS[value], '"packet" or "wall"'
  end,
  temporary = options.flag,
  overwrite = options.flag,
  utc = options.flag,
}

--- What is wrong with the options of a dumper that rotates, or nil. This reads the name's fields.
---@param where table  of place.read()
---@param opts table   with `rotate`
---@return string|nil problem
function rotating.problem(where, opts)
  local rotate = opts.rotate
  if not place.is_path(where) then
    return "option 'rotate' needs a path"
  elseif opts.append then
    return "option 'append' does not go with 'rotate'"
  elseif not (rotate.bytes or rotate.seconds or rotate.packets) then
    return "option 'rotate' needs 'bytes', 'seconds' or 'packets'"
  end
  local pattern, problem = series.pattern(where.path)
  if not pattern then
    return problem
  elseif not pattern.has_counter and (rotate.bytes or rotate.packets) then
    return "several files may come in a second: the name needs %i"
  elseif not pattern.has_counter and not pattern.has_time then
    return "several files come: the name needs %i, or fields of the time such as %H%M%S"
  end
  rotate.pattern = pattern
end

-- What a packet takes in a file besides its bytes and options, at most.
local AROUND = { pcap = 16, pcapng = 36 }

-- Fields:
-- `current`: the dumper of the present file, or false; `its`: what series.lua says of that file;
-- `inner`, `handle`: that dumper's writer and handle, for write();
-- `is_broken`: whether a write to it has failed;
-- `at`: of limits.lua;
-- `last_writer`: the writer of the latest file, from which the next one goes on.
local Writer = relay.class(function(self)
  if self.current then
    return self.current._writer
  end
  local begun, message = self:next(shim.luapcap_second())
  if not begun then
    return nil, message
  end
  return self.current._writer
end, function(self, done, message)
  if not done then
    return nil, self:told(message)
  end
  return done
end)

--- What the present file's writer says, with the file's name.
function Writer:told(message)
  message = message or failure.system()
  return self.current and self.current._name .. ": " .. message or message
end

-- Takes leave of the present file, and returns what complete() needs.
local function leave(self)
  local left = { dumper = self.current, its = self.its, is_broken = self.is_broken,
    stats = limits.stats(self.at) }
  self.current, self.is_broken = false, false
  return left
end

-- Closes a file, names it and tells on_close(). Returns what went wrong, if no write has told it.
local function complete(self, left)
  local stats = left.stats
  local closed, problem = left.dumper:close()
  local path, unnamed = self.series:add(left.its)
  stats.message = not closed and problem or unnamed
  stats.bytes = series.size(path)
  if self.rotate.on_close then
    self.rotate.on_close(path, stats)
  end
  return left.is_broken and unnamed or not left.is_broken and stats.message or nil
end

--- Begins the next file, and completes the present one.
---@param now number   in the clock that counts
---@param name_time? number  what the file's name tells (default: now)
---@return boolean|nil true
---@return string|nil message  of the new file, or of the old one: then the new one has begun
function Writer:next(now, name_time)
  local opened, its = self.series:open(name_time or now, function(path, only_new)
    local opts = {}
    for key, value in pairs(self.opts) do
      opts[key] = value
    end
    opts.rotate, opts.only_new = nil, only_new
    opts.is_part, opts.previous = true, self.last_writer
    return self.open(path, opts)
  end)
  if not opened then
    return nil, its
  end
  local left = self.current and leave(self)
  self.current, self.its = opened, its
  self.inner, self.handle, self.last_writer = opened._writer, opened._handle, opened._writer
  limits.begin(self.at, now)
  if not left then
    return true
  end
  local problem = complete(self, left)
  problem = self.series:thin() or problem
  return not problem or nil, problem
end

-- Begins a file if one is due. This is apart from write() so that the latter stays short.
local function turn(self, pkt, now)
  local at = self.at
  if not self.current or self.is_broken
    or limits.is_full(at, pkt, shim.luapcap_dumper_tell(self.handle)) then
    local begun, message = self:next(now)
    if not begun then
      return nil, message
    end
  elseif limits.is_late(at, now) then
    local begun, message = self:next(now, limits.start_of(at, now))
    if not begun then
      return nil, message
    end
  end
  if at.packets == 0 then
    limits.is_full(at, pkt, shim.luapcap_dumper_tell(self.handle))
  end
  return true
end

--- Notes that a write has failed: the next packet goes to the next file.
function Writer:fail()
  self.is_broken, self.at.room = true, -1
end

--- Writes a packet.
function Writer:write(_, pkt, added)
  local at = self.at
  local now = self.is_wall and shim.luapcap_second() or pkt.sec
  local size = pkt.caplen + pkt.options_length + at.around
  if now >= at.ends or now < at.earliest or at.packets >= at.most or size > at.room then
    local done, message = turn(self, pkt, now)
    if not done then
      return nil, message
    end
  end
  local done, message = self.inner:write(self.handle, pkt, added)
  if not done then
    if not message then
      self:fail()
    end
    return nil, self:told(message)
  end
  at.packets, at.room = at.packets + 1, at.room - size
  at.last_sec, at.last_nsec = pkt.sec, pkt.nsec
  return true
end

function Writer:linktype_of(number)
  local writer = self.last_writer
  return writer and writer.linktype_of and writer:linktype_of(number) or self.linktype
end

local Rotating = dumper.derived()

--- Looks at the time, for when no packets come: if the present file's seconds are over, the next
-- file begins.
---@param time? number  seconds; by default the system's clock
---@return table|nil dumper  itself
---@return string|nil message
function Rotating:tick(time)
  check.open(self, Rotating, "tick")
  local now = time == nil and shim.luapcap_second() or check.number(time, 1, "tick")
  local writer = self._writer
  if writer.current and writer.rotate.seconds and limits.is_late(writer.at, now) then
    local done, message = writer:next(now, limits.start_of(writer.at, now))
    if not done then
      return nil, message
    end
  end
  return self
end

--- Hands everything that was dumped to the system.
function Rotating:flush()
  check.open(self, Rotating, "flush")
  local current = self._writer.current
  if current then
    local done, message = current:flush()
    if not done then
      self._writer:fail()
      return nil, message
    end
  end
  return self
end

--- Where in the present file the next packet will be. 0 if no file has begun.
function Rotating:tell()
  check.open(self, Rotating, "tell")
  local current = self._writer.current
  if not current then
    return 0
  end
  local bytes, message = current:tell()
  return bytes, message
end

--- The present file's descriptor. Nil if no file has begun.
function Rotating:fileno()
  check.open(self, Rotating, "fileno")
  local current = self._writer.current
  return current and current:fileno() or nil
end

--- Closes the dumper and completes its last file.
function Rotating:close()
  check.self(self, Rotating, "close")
  if not self._handle then
    return true
  end
  self._handle = false
  local writer = self._writer
  if writer.current then
    local problem = complete(writer, leave(writer))
    if problem then
      return nil, problem
    end
  end
  return true
end

function Rotating:__tostring()
  local writer = self._writer
  local name = writer.current and writer.current._name or self._series
  return ("%s (%s%s)"):format(Rotating.__name, name, self._handle and "" or ", closed")
end

--- Called with each dumper that rotates by time. In nginx it starts a timer.
function rotating.started()
end

--- Opens a dumper that rotates.
---@param where table    of place.read()
---@param kind table     of kinds.of()
---@param opts table     as opening.open() takes them, with `rotate`
---@param open function  open(path, opts) opens one file
---@return table|nil dumper
---@return string|nil message
function rotating.open(where, kind, opts, open)
  local rotate = opts.rotate
  local around = opts.format.PACKET and AROUND.pcapng or AROUND.pcap
  local writer = setmetatable({ rotate = rotate, opts = opts, open = open, current = false,
    inner = false, handle = false, last_writer = false, is_broken = false,
    series = series.new(rotate.pattern, rotate), at = limits.new(rotate, around),
    linktype = kind.linktype, is_wall = rotate.clock == "wall" and rotate.seconds ~= nil }, Writer)
  if rotate.clock == "wall" or not rotate.pattern.has_time then
    local begun, message = writer:next(shim.luapcap_second())
    if not begun then
      return nil, message
    elseif rotate.clock ~= "wall" then
      limits.begin(writer.at, nil)
    end
  end
  local self = dumper.new(true, { _name = false, _series = where.name, _format = opts.format,
    _writer = writer, _nano = kind.precision == cdefs.TSTAMP_PRECISION_NANO },
    Rotating)
  if rotate.seconds then
    rotating.started(self, rotate.seconds)
  end
  return self
end

return rotating
