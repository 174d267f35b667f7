--- Ends a program's loop on Ctrl-C and SIGTERM, so that the file that it writes is whole. For
-- examples that are no subcommand of the command `pcap`, which does the same.
--
--   stop_on_signal(cap)   -- the loop over cap:packets() ends with "break" then

return require("pcap.program.stop").on_signal
