--- Ends a program's loop on Ctrl-C and SIGTERM, so that the file that it writes is whole.
--
--   stop_on_signal(cap)   -- the loop over cap:packets() ends with "break" then
--
-- It needs luaposix. Without luaposix a signal ends the program at once, as it does by default.

local has_posix, signal = pcall(require, "posix.signal")

return function(cap)
  if not has_posix then
    return
  end
  for _, name in ipairs { "SIGINT", "SIGTERM" } do
    signal.signal(signal[name], function() cap:breakloop() end)
  end
end
