--- The command, run as a user does, from the source folder.

local frames = require "spec.support.frames"
local net = require "spec.support.net"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local command = {}

--- Skips the running test if the command cannot run, since argparse is not installed.
---@param level? integer  whose line the skip names (default 1: the caller's)
function command.needs(level)
  if not pcall(require, "argparse") then
    shell.skip("needs lua-argparse", (level or 1) + 1)
  end
end

--- Whether http-get.pcap and others like it are among the real captures, or none are at all. In a
-- minimal Debian there are others only.
function command.may_have_captures()
  local all = savefile.real()
  for _, path in ipairs(all) do
    if path:find "/http%-get%.pcap$" then
      return true
    end
  end
  return #all == 0
end

--- Runs it: its output (stderr with it), and its exit status. Each %s is an argument, quoted.
function command.try(words, ...)
  command.needs(2)
  return shell.try("bin/pcap " .. words, ...)
end

--- Runs it where it must succeed. Gives its output.
function command.run(words, ...)
  command.needs(2)
  return shell.run("bin/pcap " .. words, ...)
end

--- A text's lines, each with its runs of spaces as one.
function command.lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    list[#list + 1] = line:gsub("%s+", " ")
  end
  return list
end

--- Ethernet, IPv4 and UDP to a port, with a payload.
function command.udp(port, payload)
  return frames.ethernet(0x0800, frames.ipv4(17, frames.udp(payload, { dport = port })))
end

--- Writes a pcap file of records, each a second after the one before.
function command.write(path, packets)
  local parts = { savefile.header() }
  for i, packet in ipairs(packets) do
    parts[i + 1] = savefile.record(packet, { sec = 1700000000 + i, fraction = i })
  end
  return shell.write(path, table.concat(parts))
end

--- Runs shell commands while it captures on a new device, and then sends it a signal. In
-- `meanwhile` $FAR is the other end of the device. Gives stdout, stderr and the status.
function command.live(words, meanwhile, signal, program)
  command.needs(2)
  local near, far, unplug = net.veth()
  local folder, remove = shell.folder()
  local script = shell.write(folder .. "/live.sh", ([[
    %s %s >"$1/out" 2>"$1/err" & capture=$!
    until grep -q listening "$1/err"; do sleep 0.02; done
    %s
    sleep 0.4
    kill -%s $capture
    wait $capture
    echo $? >"$1/status"
  ]]):format(program or "bin/pcap", words:gsub("DEVICE", near), meanwhile, signal))
  local ran, problem = pcall(shell.run, "FAR=%s timeout 60 bash -m %s %s 2>/dev/null", far, script,
    folder)
  local function read(name)
    return ran and shell.read(folder .. "/" .. name)
  end
  local out, err, status = read "out", read "err", read "status"
  unplug()
  remove()
  return assert(ran and out, problem), err, tonumber(status)
end

--- What `meanwhile` sends a file's packets with.
function command.sending(path)
  return ([[luajit -e 'local pcap = require "pcap"
    assert(assert(pcap.open_live(os.getenv "FAR")):inject_all(
      assert(pcap.open_offline "%s"):packets()))']]):format(path)
end

return command
