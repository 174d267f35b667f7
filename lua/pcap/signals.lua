local ffi = require "ffi"
local capture = require "pcap.capture"
pcall(ffi.cdef, "typedef struct { int fd; short events, revents; } tmp_pollfd; int tmp_poll(tmp_pollfd *, unsigned long, int) __asm__(\"poll\");")
local signals = {}
signals.look = debug.gethook
function signals.wait(self, _, fd)
  local p = ffi.new("tmp_pollfd[1]")
  p[0].fd, p[0].events = fd, 1
  local n
  repeat
    signals.look()
    local reason = capture.interrupted(self)
    if reason then return nil, reason end
    n = ffi.C.tmp_poll(p, 1, -1)
  until n == 1
  return 1
end
return signals
