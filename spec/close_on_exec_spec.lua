local net = require "spec.support.net"
local pcap = require "pcap"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

describe("A program that is started", function()
  it("inherits no descriptor of a live capture", function()
    shell.needs_linux "this list of descriptors, and libpcap's eventfd"
    if not net.require_privilege(pending) then return end
    local output = process.lua [[
      local function inherited()
        local pipe = io.popen "readlink /proc/self/fd/* | grep -c -e socket -e anon_inode"
        local count = pipe:read "*n"
        pipe:close()
        return count
      end
      local pcap = require "pcap"
      local before = inherited()
      local one, any = assert(pcap.open_live "lo"), assert(pcap.open_live "any")
      assert(pcap.can_set_rfmon "lo" ~= nil and pcap.devices())
      print(inherited() - before, one, any)
    ]]
    assert.matches("^0%s", output)
  end)

  it("inherits no descriptor where stdin is closed, either", function()
    shell.needs_linux "this list of descriptors, and libpcap's eventfd"
    if not net.require_privilege(pending) then return end
    local output = process.lua([[
      local cap = assert(require("pcap").open_live "lo")
      local pipe = io.popen "readlink /proc/self/fd/* | grep -c -e socket -e anon_inode"
      print(pipe:read "*n", cap)
    ]], { redirect = "<&-" })
    assert.matches("^0%s", output)
  end)
end)

describe("open_live", function()
  it("takes the number 0 for promisc for a mistake", function()
    local called, problem = pcall(pcap.open_live, "lo", 0, 0)
    assert.is_false(called)
    assert.matches("bad argument #3 to 'open_live'", problem, 1, true)
  end)
end)
