--- A dumper that goes on in the next file when one is complete. Its writer knows when that is.

local cdefs = require "pcap.core.cdefs"
local check = require "pcap.core.check"
local dumper = require "pcap.sink.dumper"
local limits = require "pcap.sink.limits"
local options = require "pcap.core.options"
local place = require "pcap.core.place"
local rotating_writer = require "pcap.sink.rotating_writer"
local names = require "pcap.sink.series_name"
local shim = require "pcap.core.shim"
require "pcap.sink.recording_cdefs"

local rotating = {}

local CLOCKS = { packet = "packet", wall = "wall" }

--- The options of a rotation.
rotating.OPTIONS = {
  bytes = options.integer(1, 2 ^ 53),
  seconds = options.integer(1, 2 ^ 31),
  packets = options.integer(1, 2 ^ 53),
  keep = options.integer(1, 2 ^ 31),
  on_close = options.callback,
  clock = function(value)
    return CLOCKS[value], '"packet" or "wall"'
  end,
  temporary = options.flag,
  overwrite = options.flag,
  utc = options.flag,
}

--- The option of a dumper.
rotating.option = options.record(rotating.OPTIONS)

-- What is wrong with a name without a counter, or nil.
local function problem_of_times(pattern, rotate)
  local seconds = rotate.seconds
  if not names.differ(pattern, seconds) then
    return ("files of %.0f seconds would have the same name: it needs %%i, or finer fields of the "
      .. "time"):format(seconds)
  end
  local cycle = not rotate.overwrite and names.cycle(pattern, seconds)
  if cycle then
    return ("names would repeat after %s: the name needs %%i, or more fields of the time, or "
      .. "'overwrite'"):format(cycle)
  end
  local day = not rotate.utc and names.day_of_repetition(pattern, seconds, shim.luapcap_second())
  if day then
    return ("names would repeat on %s, when local time goes back: the name needs %%i or %%z, or "
      .. "'utc'"):format(day)
  end
end

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
  local pattern, problem = names.read(where.path)
  if not pattern then
    return problem
  elseif not pattern.has_counter and (rotate.bytes or rotate.packets) then
    return "several files may come in a second: the name needs %i"
  end
  rotate.pattern = pattern
  return not pattern.has_counter and problem_of_times(pattern, rotate) or nil
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
  local problem = self._writer:close()
  return not problem or nil, problem
end

function Rotating:__tostring()
  local writer = self._writer
  local name = writer.current and writer.current._name or self._series
  return ("%s (%s%s)"):format(Rotating.__name, name, self._handle and "" or ", closed")
end

--- Called with each dumper whose files end by the system's clock. In nginx, resty/rotation.lua
-- gives it a timer.
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
  if opts.origin then
    -- The first file may begin when the capture is gone.
    local known = opts.origin.own()
    opts.origin.own = function() return known end
  end
  local writer = rotating_writer.new(rotate, opts, open, kind.linktype)
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
  -- The times of a live capture's packets are the system's.
  local is_live = opts.origin and opts.origin.statistics() ~= nil
  if rotate.seconds and (is_live or rotate.clock == "wall") then
    rotating.started(self)
  end
  return self
end

return rotating
