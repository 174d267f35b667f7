local command = require "spec.support.command"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

describe("the examples", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    local packets = {}
    for i = 1, 20 do
      packets[i] = command.udp(i % 2 == 0 and 53 or 123, "payload " .. i)
    end
    path = command.write(folder .. "/in.pcap", packets)
  end)

  after_each(function() remove() end)

  it("demo, which `make demo` runs, shows packets of a file, and live ones as root", function()
    local printed = shell.run("luajit examples/demo.lua")
    local lines = "IP 192.0.2.10.40001 > 198.51.100.80.80: tcp 0\n"
    local is_root = shell.run "id -u" == "0\n"
    assert.equal(is_root and 4 or 2, select(2, printed:gsub(lines, "")), printed)
    assert.truthy(printed:find("libpcap", 1, true))
    assert.matches("Wrote 6 packets to [^\n]+, as pcapng", printed)
  end)

  it("dump prints a line a packet that matches", function()
    local printed = shell.run("luajit examples/dump.lua %s", path)
    assert.equal(20, select(2, printed:gsub("\n", "")))
    printed = shell.run("luajit examples/dump.lua %s udp port 53", path)
    assert.equal(10, select(2, printed:gsub("192.0.2.7.40000 > 198.51.100.200.53: UDP", "")))
    assert.equal(printed, shell.run("luajit examples/dump.lua - udp port 53 < %s", path))
  end)

  it("copy takes what matches, to the nanosecond", function()
    local nano = shell.write(folder .. "/nano.pcap", savefile.header { magic = 0xa1b23c4d }
      .. savefile.record(command.udp(53, "a"), { sec = 5, fraction = 123456789 })
      .. savefile.record(command.udp(123, "b"), { sec = 6, fraction = 1 }))
    shell.run("luajit examples/copy.lua %s %s/copy.pcap udp port 53", nano, folder)
    assert.equal(savefile.header { magic = 0xa1b23c4d }
      .. savefile.record(command.udp(53, "a"), { sec = 5, fraction = 123456789 }),
      shell.read(folder .. "/copy.pcap"))
  end)

  it("fail, and say why, if a file cannot be read", function()
    for _, name in ipairs { "dump", "copy" } do
      local output, status = shell.try("luajit examples/" .. name .. ".lua %s/none.pcap", folder)
      assert.equal(1, status)
      assert.is_truthy(output:find("none.pcap: No such file or directory", 1, true), output)
    end
  end)
end)
