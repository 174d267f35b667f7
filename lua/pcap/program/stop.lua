--- Ends a capture's loop on Ctrl-C, SIGTERM and SIGHUP, so that what is written is whole.

local ffi = require "ffi"
local shim = require "pcap.core.shim"
local signals = require "pcap.core.signals"

ffi.cdef [[
  int luapcap_signal_note(int number);
  int luapcap_signal_noted(void);
]]

local stop = {}

-- POSIX gives these numbers to the utility kill, so they are the same everywhere.
local SIGHUP, SIGINT, SIGTERM = 1, 2, 15

--- Whether one of them has come.
---@return boolean
function stop.is_asked()
  return shim.luapcap_signal_noted() ~= 0
end

--- From here on each of them ends the loop over a capture's packets, with "break". A second one
-- ends the program at once.
---@param cap table
function stop.on_signal(cap)
  for _, number in ipairs { SIGHUP, SIGINT, SIGTERM } do
    shim.luapcap_signal_note(number)
  end
  signals.handler = function()
    if stop.is_asked() then
      cap:breakloop()
    end
  end
end

return stop
