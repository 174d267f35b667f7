local net = require "spec.support.net"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

describe("A capture of the firewall's log", function()
  it("finds no packet where there is none, and gives the one that comes", function()
    if not net.require_privilege(pending) then return end
    local has_rules = shell.has "iptables"
    local output = process.lua([[
      local pcap = require "pcap"
      local cap, message = pcap.open_live("nflog:5", 0, false, 0.1)
      if not cap then return print("none", message) end
      print(select(2, cap:next()))
      os.execute "ip link set lo up"
      if os.execute "iptables -A OUTPUT -p icmp -j NFLOG --nflog-group 5 2>/dev/null" ~= 0 then
        return
      end
      os.execute "ping -c 1 -W 1 127.0.0.1 >/dev/null 2>&1"
      print((cap:next() or ""):find("\69\0", 1, true) and "packet")
    ]], { prefix = "unshare -n" })
    if output:find "^none" then return pending("needs nflog: " .. output) end
    assert.matches("^timeout\n", output)
    if has_rules and shell.has "ping" then
      assert.equal("timeout\npacket\n", output)
    end
  end)
end)
