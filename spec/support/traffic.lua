--- Traffic for the live specs: numbered packets, sent by a C program.

local shell = require "spec.support.shell"
local savefile = require "spec.support.savefile"

local traffic = {}

--- An EtherType for experiments, which nothing else on a veth pair uses.
traffic.FILTER = "ether proto 0x88b5"

local HEADER = ("\255"):rep(6) .. "\2\0\0\0\0\1\136\181"

--- Writes `count` packets of 60 bytes, each with its number in 8 digits from byte 15 on.
function traffic.write(path, count)
  local parts = { savefile.header() }
  for i = 1, count do
    parts[i + 1] = savefile.record(HEADER .. ("%08d"):format(i) .. (" "):rep(38), { sec = i })
  end
  return shell.write(path, table.concat(parts))
end

local PROGRAM = "build/replay"

local function command(path, device, pps)
  shell.run("mkdir -p build && { test %s -nt spec/support/replay.c || "
    .. "${CC:-cc} -O2 -o %s spec/support/replay.c -lpcap; }", PROGRAM, PROGRAM)
  return ("%s %s %s %d 2>&1"):format(PROGRAM, shell.quote(path), device, pps)
end

local function sent(output)
  local count, rate = output:match "^(%d+) (%d+)\n$"
  return tonumber(count) or error("sending failed: " .. output, 3), tonumber(rate)
end

--- Sends them all; gives how many were sent, and how many a second.
function traffic.replay(path, device, pps)
  return sent(shell.run(command(path, device, pps)))
end

--- Sends them while the caller goes on; call what it gives to wait for the end.
function traffic.start(path, device, pps)
  local pipe = assert(io.popen(command(path, device, pps)))
  return function()
    local output = pipe:read "*a"
    pipe:close()
    return sent(output)
  end
end

return traffic
