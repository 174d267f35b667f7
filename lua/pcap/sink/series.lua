--- The files of a rotation: their names, and which of them stay.

local ffi = require "ffi"
local failure = require "pcap.core.failure"
local shim = require "pcap.core.shim"
require "pcap.sink.recording_cdefs"

local series = {}

local EEXIST = 17
-- What the name of a file has behind it until the file is complete.
local TEMPORARY = ".part"

-- The conversions of C's strftime(). Glibc and the BSDs have %s too, the seconds since 1970.
local FIELDS = "[aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%%]"

-- The parts of a name that begin with "%": fields are functions of the time and the counter.
local function field_of(width, letter)
  if letter == "i" and #width <= 2 then -- more digits than string.format() takes
    local format = "%0" .. (width ~= "" and width or "1") .. "d"
    return function(_, number)
      return format:format(number)
    end, "counter"
  elseif width == "" and letter == "%" then
    return function() return "%" end
  elseif width == "" and letter == "s" then -- which strftime() gets wrong for UTC
    return function(time) return ("%.0f"):format(time) end, "time"
  elseif width == "" and letter:match(FIELDS) then
    return function(time, _, zone)
      return os.date(zone .. "%" .. letter, time)
    end, "time"
  end
end

--- Reads a name with fields.
---@param text string
---@return table|nil pattern  { has_counter =, has_time =, and the parts }
---@return string|nil problem
function series.pattern(text)
  local pattern, at = { has_counter = false, has_time = false }, 1
  repeat
    local start, stop, width, letter = text:find("%%(%d*)(.?)", at)
    pattern[#pattern + 1] = text:sub(at, (start or 0) - 1)
    if start then
      local field, kind = field_of(width, letter)
      if not field then
        return nil, ("%q is no field of a name"):format(text:sub(start, stop))
      end
      pattern[#pattern + 1] = field
      pattern.has_counter = pattern.has_counter or kind == "counter"
      pattern.has_time = pattern.has_time or kind == "time"
      at = stop + 1
    end
  until not start
  return pattern
end

local function expand(pattern, time, number, zone)
  local parts = {}
  for i, part in ipairs(pattern) do
    parts[i] = type(part) == "function" and part(time, number, zone) or part
  end
  return table.concat(parts)
end

-- Any round time will do.
local SOME_TIME = 1e9

--- Whether files that end by time have names that differ from one to the next.
---@param seconds integer
---@return boolean
function series.differ(pattern, seconds)
  local before
  for i = 0, 3 do
    local start = SOME_TIME - SOME_TIME % seconds + i * seconds
    local name = expand(pattern, start, 0, "!")
    if name == before then
      return false
    end
    before = name
  end
  return true
end

local Series = {}
Series.__index = Series

--- Makes a series of which no file exists yet.
---@param pattern table  of series.pattern()
---@param opts table     { temporary =, overwrite =, utc =, keep = }
---@return table
function series.new(pattern, opts)
  return setmetatable({ pattern = pattern, opts = opts, number = 0, complete = {} }, Series)
end

local SIZE = 128
local text = ffi.new("char[?]", SIZE)

-- What is at a path: nil if nothing is, "" if it is no file on a disk.
local function state_of(path)
  return shim.luapcap_path_state(path, text, SIZE) == 1 and ffi.string(text) or nil
end

local function taken(path)
  return nil, path .. ": " .. failure.system(EEXIST) .. ". Let the name have %i", EEXIST
end

-- Opens a file of a name, or of the temporary one. A file that is there already is left alone.
local function open_named(self, path, open)
  local opts = self.opts
  if opts.temporary and not opts.overwrite and state_of(path) then
    return taken(path)
  end
  local written = opts.temporary and path .. TEMPORARY or path
  local dumper, message, errno = open(written, not opts.overwrite)
  if not dumper and errno == EEXIST then
    return taken(written)
  end
  return dumper, message, errno, written
end

--- Opens the next file.
---@param time number    the seconds that its name tells
---@param open function  open(path, only_new) gives a dumper; or nil, a message and errno
---@return table|nil dumper
---@return table|string its  { path =, written = (the path until it is complete), token = }
function Series:open(time, open)
  local dumper, message, errno, written, path
  local zone = self.opts.utc and "!" or ""
  repeat
    self.number = self.number + 1
    path = expand(self.pattern, time, self.number, zone)
    dumper, message, errno, written = open_named(self, path, open)
  until dumper or errno ~= EEXIST or not self.pattern.has_counter
  if not dumper then
    if errno ~= EEXIST then
      self.number = self.number - 1
    end
    return nil, message
  end
  return dumper, { path = path, written = written, file = dumper._in_use.file }
end

-- Gives a complete file its name.
local function name(self, its)
  if its.written == its.path then
    return its.path
  elseif not self.opts.overwrite and state_of(its.path) then
    return its.written, its.path .. ": " .. failure.system(EEXIST)
  end
  local done, message = os.rename(its.written, its.path)
  return done and its.path or its.written, message
end

--- Notes that a file is complete, and gives it its name.
---@param its table  of open()
---@return string path  where it is
---@return string|nil message  if it cannot have its name
function Series:add(its)
  local path, message = name(self, its)
  local state = state_of(path) or ""
  local is_ours = its.file and state:sub(1, #its.file + 1) == its.file .. ":"
  table.insert(self.complete, { path = path, state = is_ours and state })
  return path, message
end

--- Deletes the oldest files, so that with the one that is being written as many are left as are to
-- be kept. A file that is gone, that somebody has changed, or another one of that name, is left
-- alone.
---@return string|nil message  the first that cannot be deleted
function Series:thin()
  local problem
  while self.opts.keep and #self.complete >= self.opts.keep do
    local oldest = table.remove(self.complete, 1)
    if oldest.state and state_of(oldest.path) == oldest.state then
      local done, message = os.remove(oldest.path)
      problem = problem or not done and message or nil
    end
  end
  if not self.opts.keep then
    self.complete = {}
  end
  return problem
end

--- The size of a file in bytes, as it is on the disk; 0 if it is gone.
function series.size(path)
  local file = io.open(path, "rbe")
  local size = file and file:seek "end" or 0
  if file then
    file:close()
  end
  return size
end

return series
