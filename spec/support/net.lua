--- Interfaces for the live specs: made here, removed again, and only by their own names.

local process = require "spec.support.process"
local shell = require "spec.support.shell"

local net = {}

local made = 0

--- Whether this process may capture and make interfaces.
function net.is_privileged()
  return shell.run("id -u") == "0\n" and shell.has("ip")
end

--- Skips the running test where the privilege is missing; with PCAP_REQUIRE_LIVE=1 fails it.
function net.require_privilege(pending)
  if net.is_privileged() then
    return true
  end
  if os.getenv("PCAP_REQUIRE_LIVE") == "1" then
    error("live specs need root and the ip command", 2)
  end
  pending("needs root and the ip command")
  return false
end

--- A veth pair, both ends up and silent (no IPv6 chatter). Gives both names and the removal.
function net.veth()
  local a, b, output, status
  repeat -- a process in another process namespace may have our pid, and the names
    made = made + 1
    local name = ("lp%d_%d"):format(process.pid() % 1000000, made)
    a, b = name .. "a", name .. "b"
    output, status = shell.try("ip link add %s type veth peer name %s", a, b)
  until not output:find("File exists", 1, true)
  assert(status == 0, output)
  for _, device in ipairs { a, b } do
    shell.try("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1", device)
    shell.run("ip link set %s up", device)
  end
  return a, b, function()
    shell.try("ip link del %s", a)
  end
end

--- A frame of our own experimental kind: broadcast, EtherType 0x88b5, then the payload.
function net.frame(payload)
  return ("\255"):rep(6) .. "\2\0\0\0\0\1" .. "\x88\xb5" .. payload
end

--- Sends a frame from another process after a delay in seconds. Gives a function that waits for
-- that process and gives the monotonic time, in seconds, just before the frame was sent.
function net.send_later(device, delay, frame)
  local pipe = process.start(([[
    local cap = assert(require("pcap").open_live(%q))
    os.execute("sleep %s")
    local before = require("pcap.core.shim").luapcap_monotonic()
    assert(cap:inject(%q))
    print(("%%.6f"):format(before))
  ]]):format(device, delay, frame))
  return function()
    local before = pipe:read("*n")
    pipe:close()
    return assert(before, "the frame was not sent")
  end
end

return net
