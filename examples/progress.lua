--- Shows on a terminal how far a savefile has been read, once that has taken over a second.
--
--   local show = progress(cap, prints)     -- prints: whether the program prints to stdout itself
--   for pkt in cap:packets() do ... show() end
--   show "done"                            -- removes the line again
--
-- The examples load it with: local progress = dofile((arg[0]:gsub("[^/]+$", "progress.lua")))

local ffi = require "ffi"

ffi.cdef [[ int luapcapexample_isatty(int fd) __asm__("isatty"); ]]

local STDOUT, STDERR = 1, 2
local BAR = 40
-- Packets between two looks at the clock.
local PAUSE = 64

local function is_terminal(fd)
  return ffi.C.luapcapexample_isatty(fd) == 1
end

local function draw(position, size)
  local share = size > 0 and math.min(position / size, 1) or 1
  local filled = math.floor(share * BAR)
  io.stderr:write(("\r[%s%s] %3d%% of %.1f MB"):format(("#"):rep(filled),
    (" "):rep(BAR - filled), share * 100, size / 1e6))
end

return function(cap, prints)
  local _, size = cap:progress()
  local mixes = prints and is_terminal(STDOUT)
  if type(size) ~= "number" or mixes or not is_terminal(STDERR) then
    return function() end
  end
  local calls, drawn = 0, os.time() + 1
  local shown = false
  return function(done)
    calls = calls + 1
    if done and shown then
      io.stderr:write("\r\27[K")
    elseif not done and calls % PAUSE == 0 and os.time() > drawn then
      drawn, shown = os.time(), true
      draw(cap:progress())
    end
  end
end
