--- Writes packets of 64 bytes to a savefile at a rate, as a capturing program does, and ends:
-- pace.lua FILE PACKETS A_SECOND SECONDS [AT_ONCE]. It writes AT_ONCE packets (default: those of a
-- millisecond) with one system call.

local ffi = require "ffi"
local shim = require "pcap.core.shim"
local pcap = require "pcap"

ffi.cdef "int luapcapbench_usleep(unsigned int) __asm__(\"usleep\");"

local path, rate, seconds = arg[1], tonumber(arg[2]), tonumber(arg[3])
local at_once = tonumber(arg[4] or rate / 1000)
local dumper = assert(pcap.dumper { file = path })
local packet = ("\0"):rep(12) .. "\8\0" .. ("\0"):rep(50)
local start, count = shim.luapcap_monotonic(), 0
while count < rate * seconds do
  local due = math.min((shim.luapcap_monotonic() - start) * rate, rate * seconds)
  while count + at_once <= due do
    for _ = 1, at_once do
      assert(dumper:dump(packet, 1e9 + count / rate))
      count = count + 1
    end
    assert(dumper:flush())
  end
  if count < rate * seconds then
    ffi.C.luapcapbench_usleep(500)
  end
end
assert(dumper:close())
