--- Shows on a terminal how far a program is, once that has taken over a second.
--
--   local show = progress.new({ cap }, prints)   -- whether the program prints to stdout itself
--   for pkt in cap:packets() do ... show() end
--   progress.clear()                             -- removes the line, before anything else is said

local ffi = require "ffi"

ffi.cdef [[ int luapcapcommand_isatty(int fd) __asm__("isatty"); ]]

local STDOUT, STDERR = 1, 2
local BAR = 40
-- Packets between two looks at the clock.
local PAUSE = 64

local progress = {}

local function is_terminal(fd)
  return ffi.C.luapcapcommand_isatty(fd) == 1
end

--- Whether stdout is a terminal.
---@return boolean
function progress.prints_to_terminal()
  return is_terminal(STDOUT)
end

-- How far all files have been read, and the bytes of all; or nil if one has no end.
local function position_in(files)
  local sum, all = 0, 0
  for _, cap in ipairs(files) do
    local position, size = cap:progress()
    if not position or not size then
      return nil
    end
    sum, all = sum + position, all + size
  end
  return sum, all
end

-- Whether there is a line to remove.
local is_shown = false

--- Removes the line. It comes again, if the program goes on.
function progress.clear()
  if is_shown then
    io.stderr:write "\r\27[K"
    is_shown = false
  end
end

local function draw(packets, position, size)
  if not position then
    io.stderr:write(("\r%d packets"):format(packets))
    return
  end
  local share = size > 0 and math.min(position / size, 1) or 1
  local filled = math.floor(share * BAR)
  io.stderr:write(("\r[%s%s] %3d%% of %.1f MB"):format(("#"):rep(filled),
    (" "):rep(BAR - filled), share * 100, size / 1e6))
end

--- Makes the function to call after each packet, or whenever a second may have passed.
---@param files table[]  the captures that are read; may change
---@param prints? boolean
---@param pause? integer  calls between two looks at the clock
---@return fun()
function progress.new(files, prints, pause)
  local mixes = prints and is_terminal(STDOUT)
  if mixes or not is_terminal(STDERR) then
    return function() end
  end
  local calls, drawn = 0, os.time() + 1
  pause = pause or PAUSE
  return function()
    calls = calls + 1
    if calls % pause == 0 and os.time() > drawn then
      drawn, is_shown = os.time(), true
      draw(calls, position_in(files))
    end
  end
end

return progress
