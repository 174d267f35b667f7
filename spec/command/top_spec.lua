local pcap = require "pcap"
local command = require "spec.support.command"
local frames = require "spec.support.frames"
local net = require "spec.support.net"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local function packet(segment, proto, back)
  local src, dst = frames.SRC4, frames.DST4
  if back then src, dst = dst, src end
  return frames.ethernet(0x0800, frames.ipv4(proto, segment, { src = src, dst = dst }))
end

local there = packet(frames.tcp("hello", { sport = 1000, dport = 80 }), 6)
local back = packet(frames.tcp("", { sport = 80, dport = 1000 }), 6, true)
local udp = packet(frames.udp("x"), 17)
local arp = frames.ethernet(0x0806, frames.arp(1))

describe("pcap top", function()
  local folder, remove
  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  it("adds up both directions of each flow of a file, the most bytes first", function()
    local path = shell.write(folder .. "/flows.pcap", savefile.header() .. savefile.record(udp)
      .. savefile.record(there):rep(3) .. savefile.record(back):rep(2) .. savefile.record(arp))
    local rows = {}
    for row in command.run("top -r %s", path):gmatch("[^\n]+") do
      rows[#rows + 1] = row:gsub("%s+", " ")
    end
    assert.same({ " bytes packets 2 flows",
      (" %d 5 tcp 192.0.2.7.1000 <-> 198.51.100.200.80"):format(3 * #there + 2 * #back),
      (" %d 1 udp 192.0.2.7.40000 <-> 198.51.100.200.40001"):format(#udp) }, rows)
    local only = command.run("top --rows 1 -r %s udp", path)
    assert.is_nil(only:find("tcp", 1, true))
  end)

  it("shows live flows time after time #live", function()
    if not net.require_privilege(pending) then return end
    local a, b, delete = net.veth()
    finally(delete)
    local sender = assert(pcap.open_live(b))
    local pipe = io.popen(("bin/pcap top -i %s --every 0.2 --duration 2 2>&1"):format(a))
    shell.run("sleep 0.7")
    for _ = 1, 5 do
      assert(sender:inject(there))
      assert(sender:inject(back))
    end
    sender:close()
    local output = pipe:read("*a")
    pipe:close()
    local _, tables = output:gsub("packets  %d+ flows", "")
    assert.is_true(tables > 3, output)
    assert.is_truthy(output:find(("%d         10  tcp     192.0.2.7.1000 <-> 198.51.100.200.80\n")
      :format(5 * (#there + #back)), 1, true), output)
  end)
end)
