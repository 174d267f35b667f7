--- The numbers that the shim's functions return. They also return libpcap's error numbers, which
-- cdefs.lua has.

return {
  -- luapcap_next(), luapcap_live_next(), luapcap_window_next()
  PACKET = 1,
  NO_PACKET = 0,
  -- luapcap_wait(), luapcap_wait_fd(), and so signals.wait()
  READY = 1,
  TIME_OVER = 0,
  SIGNAL = 2,
  -- luapcap_window_fill()
  MORE = 1,
  TRY_AGAIN = 2,
}
