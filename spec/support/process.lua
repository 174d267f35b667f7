--- Processes: fresh LuaJITs that have the module on their path, and figures of this one.

local ffi = require "ffi"
local shell = require "spec.support.shell"

local process = {}

ffi.cdef [[
  int luapcapspec_getpid(void) __asm__("getpid");
  int luapcapspec_fcntl(int fd, int command, ...) __asm__("fcntl");
]]

local F_GETFD = 1

local PATHS = "env LUA_PATH='./lua/?.lua;./lua/?/init.lua;./?.lua' LUA_CPATH='./build/?.so'"

-- The command that runs Lua code in a fresh process; the code's file goes with the process.
local function command(code, opts)
  opts = opts or {}
  local script = shell.write(shell.file(), code)
  return ("%s %s luajit %s %s; status=$?; rm -f %s; exit $status"):format(opts.prefix or "",
    PATHS, script, opts.redirect or "", script)
end

--- Runs Lua code in a fresh process. Options: prefix (words before `luajit`), redirect (words
-- after it). Gives its output, stderr with it, and its exit status.
function process.lua(code, opts)
  return shell.try("( " .. command(code, opts) .. " )")
end

--- Starts Lua code in a fresh process and goes on: a pipe from its stdout, for the caller to
-- close, which waits for its end.
function process.start(code, opts)
  return assert(io.popen(command(code, opts), "r"))
end

function process.pid()
  return ffi.C.luapcapspec_getpid()
end

--- How many descriptors this process has open.
function process.descriptors()
  local count = 0
  for fd = 0, 65535 do
    if ffi.C.luapcapspec_fcntl(fd, F_GETFD) >= 0 then
      count = count + 1
    end
  end
  return count
end

--- This process's resident memory, in bytes.
function process.resident()
  return tonumber(shell.read("/proc/self/status"):match("VmRSS:%s*(%d+) kB")) * 1024
end

return process
