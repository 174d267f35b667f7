--- The watch of a followed file: a descriptor that is readable when the file or its path changes.
--
-- Ownership: `_watch` and the capture's `_memory` hold the descriptor, which release() closes. It
-- is -1 if the system has no such thing (see shim/watch.c).

local ffi = require "ffi"
local shim = require "pcap.core.shim"

local watch = {}

--- Watches the file of the capture's input, and no other.
function watch.input(self)
  local fd = self._watch[0]
  if fd >= 0 then
    if self._watched then
      shim.luapcap_watch_drop(fd, self._watched)
    end
    self._watched = shim.luapcap_watch_add(fd, shim.luapcap_input_fileno(self._input), 1)
  end
end

--- Tells of what is written to the file, or only of other changes. Returns whether that can be had:
-- the program may have changed to a user who may not read the file.
function watch.hear_writes(self, flag)
  local fd = self._watch[0]
  return fd >= 0
    and shim.luapcap_watch_add(fd, shim.luapcap_input_fileno(self._input), flag and 1 or 0) >= 0
end

local function close(fd)
  if fd[0] >= 0 then
    shim.luapcap_fd_close(fd[0])
    fd[0] = -1
  end
end

--- Gives a capture a watch of its file, and of its path if it has one.
function watch.add(self)
  local fd = ffi.gc(ffi.new("int[1]", -1), close)
  fd[0] = shim.luapcap_watch_open(self._path, shim.luapcap_input_fileno(self._input))
  self._watch, self._memory.watch = fd, fd
  watch.input(self)
  if fd[0] >= 0 and self._watched < 0 then
    close(fd)
  end
end

--- Forgets what has changed so far.
function watch.clear(self)
  if self._watch[0] >= 0 then
    shim.luapcap_watch_clear(self._watch[0])
  end
end

--- Returns the descriptor to wait for, or nil.
function watch.descriptor(self)
  local fd = self._watch[0]
  return fd >= 0 and fd or nil
end

--- Closes the watch of a capture's memory.
function watch.release(memory)
  if memory.watch then
    close(ffi.gc(memory.watch, nil))
    memory.watch = nil
  end
end

return watch
