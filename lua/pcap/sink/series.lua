--- The files of a rotation: how they come to their names, and which of them stay.

local ffi = require "ffi"
local failure = require "pcap.core.failure"
local names = require "pcap.sink.series_name"
local shim = require "pcap.core.shim"
require "pcap.sink.recording_cdefs"

local series = {}

local EEXIST = 17
-- What the name of a file has behind it until the file is complete.
local TEMPORARY = ".part"

local Series = {}
Series.__index = Series

--- Makes a series of which no file exists yet.
---@param pattern table  of series_name.read()
---@param opts table     { temporary =, overwrite =, utc =, keep = }
---@return table
function series.new(pattern, opts)
  return setmetatable({ pattern = pattern, opts = opts, number = 0, latest = -math.huge,
    complete = {} }, Series)
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
local function open_named(self, path, only_new, open)
  local is_temporary = self.opts.temporary
  if is_temporary and only_new and state_of(path) then
    return taken(path)
  end
  local written = is_temporary and path .. TEMPORARY or path
  local dumper, message, errno = open(written, only_new)
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
  local zone, has_counter = self.opts.utc and "!" or "", self.pattern.has_counter
  -- If the clock has gone back, the name may be that of an earlier file of this series.
  local only_new = not self.opts.overwrite or not has_counter and time <= self.latest
  repeat
    self.number = self.number + 1
    path = names.of(self.pattern, time, self.number, zone)
    dumper, message, errno, written = open_named(self, path, only_new, open)
  until dumper or errno ~= EEXIST or not has_counter
  if not dumper then
    if errno ~= EEXIST then
      self.number = self.number - 1
    end
    return nil, message
  end
  self.latest = time > self.latest and time or self.latest
  return dumper, { path = path, written = written, only_new = only_new,
    file = dumper._in_use.file }
end

-- Whether what is at a path, of state_of(), is the file that was opened.
local function is_of(state, its)
  return state ~= nil and state:sub(1, #its.file + 1) == its.file .. ":"
end

--- What has become of a file whose dumper is still open. A link may lead to it.
---@param its table  of open()
---@return string|nil message  if it is not where it was, and so will not be found
function series.problem(its)
  local state = state_of(its.written)
  if its.file and state ~= "" and not is_of(state, its) then
    return its.written .. ": the file has been deleted, moved or replaced"
  end
end

-- Gives a complete file its name.
local function name(its)
  if its.is_gone or its.written == its.path then
    return its.written
  elseif its.only_new and state_of(its.path) then
    return its.written, its.path .. ": " .. failure.system(EEXIST)
  end
  local done, message = os.rename(its.written, its.path)
  return done and its.path or its.written, message
end

--- Notes that a file is complete, and gives it its name.
---@param its table  of open(), with `is_gone` if series.problem() has told so
---@return string path  where it is
---@return string|nil message  if it cannot have its name
function Series:add(its)
  local path, message = name(its)
  local state = state_of(path)
  table.insert(self.complete, { path = path, state = its.file and is_of(state, its) and state })
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
