--- Commands and temporary files for the specs; everything made here is removed again.

local shell = {}

--- Quotes a word for sh.
function shell.quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

-- Scripts that a command runs find the module, whether `make test` or `busted` started us.
local PATHS = "export LUA_PATH=\"$PWD/lua/?.lua;$PWD/lua/?/init.lua;;\" "
  .. "LUA_CPATH=\"$PWD/build/?.so;;\"; "

--- Runs a command: its output (stderr with it), and its exit status.
function shell.try(command, ...)
  local words = {}
  for i = 1, select("#", ...) do
    words[i] = shell.quote((select(i, ...)))
  end
  if #words > 0 then
    command = command:format(unpack(words))
  end
  local pipe = assert(io.popen(PATHS .. "{ " .. command .. "\n} 2>&1; echo \":$?\"", "r"))
  local output = pipe:read("*a")
  pipe:close()
  local text, status = output:match("^(.*):(%d+)\n$")
  return text, tonumber(status)
end

--- Runs a command that must succeed; each %s in it is an argument, quoted. Gives its output. Skips
-- the running test where there is no such program.
function shell.run(command, ...)
  local output, status = shell.try(command, ...)
  if status == 127 then
    shell.skip("needs " .. (output:match "(%S+): not found" or command:match "%S+"), 2)
  elseif status ~= 0 then
    error(("'%s' ended with %d:\n%s"):format(command, status, output), 2)
  end
  return output
end

--- Whether a program is on the path.
function shell.has(program)
  local _, status = shell.try("command -v %s", program)
  return status == 0
end

--- Skips the running test where one of these programs is not installed, and names it; fails the
-- test where PCAP_REQUIRE_LIVE=1 says that nothing may be skipped.
function shell.needs(...)
  for _, program in ipairs { ... } do
    if not shell.has(program) then
      shell.skip("needs " .. program, 2)
    end
  end
end

function shell.skip(reason, level)
  if os.getenv "PCAP_REQUIRE_LIVE" == "1" then
    error(reason, (level or 1) + 1)
  end
  require "busted.core"().pending(reason)
end

--- Skips the running test where the module was not built for Linux, and says what is missed there.
-- `make portable` sets PCAP_PORTABLE for such a build on Linux.
function shell.needs_linux(what)
  if jit.os ~= "Linux" or os.getenv "PCAP_PORTABLE" then
    require "busted.core"().pending("only Linux has " .. what)
  end
end

--- Skips the running test where the module was built without zlib.
function shell.needs_zlib()
  local folder, remove = shell.folder()
  local path = shell.write(folder .. "/f.gz", "")
  shell.run("gzip < %s > %s.gz", path, path)
  local _, message = require("pcap").open_offline(path .. ".gz")
  remove()
  if message:find("built without zlib", 1, true) then
    shell.skip("needs zlib's header when the module is built", 2)
  end
end

--- Skips the running test where there is no libzstd, or no program of it.
function shell.needs_zstd()
  shell.needs "zstd"
  local dumper, message = require("pcap").dumper { memory = true, compress = "zstd" }
  if not dumper then
    shell.skip(message, 2)
  end
  dumper:close()
end

--- The name of a new temporary file, which the caller removes. (os.tmpname knows no TMPDIR.)
function shell.file()
  return (shell.run "mktemp":gsub("\n$", ""))
end

--- A new temporary folder; call the second value, its removal, in after_each or finally.
function shell.folder()
  local path = shell.run("mktemp -d"):gsub("\n$", "")
  return path, function()
    shell.run("rm -rf %s", path)
  end
end

function shell.write(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  return path
end

function shell.read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

return shell
