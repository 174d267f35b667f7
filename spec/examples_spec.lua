local command = require "spec.support.command"
local pcap = require "pcap"
local net = require "spec.support.net"
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

  it("demo prints what README's picture shows", function()
    if not net.require_privilege(pending) then return end
    local shown = {}
    for line in shell.read("docs/demo.svg"):gmatch "<text[^>]*>([^\n]*)</text>" do
      shown[#shown + 1] = line:gsub("&lt;", "<"):gsub("&gt;", ">"):gsub("&amp;", "&")
    end
    -- What differs each time.
    local function plain(text)
      return (text:gsub("libpcap version [^\n]+", "libpcap"):gsub("to /[^ ]+,", "to a file,"))
    end
    assert.equal(plain("$ make demo\n" .. shell.run "luajit examples/demo.lua"),
      plain(table.concat(shown, "\n") .. "\n"))
  end)

  it("dump prints a line a packet that matches", function()
    local printed = shell.run("luajit examples/dump.lua %s", path)
    assert.equal(20, select(2, printed:gsub("\n", "")))
    printed = shell.run("luajit examples/dump.lua %s udp port 53", path)
    assert.equal(10, select(2, printed:gsub("192.0.2.7.40000 > 198.51.100.200.53: UDP", "")))
    assert.equal(printed, shell.run("luajit examples/dump.lua - udp port 53 < %s", path))
  end)

  it("dump shows the comments of pcapng", function()
    local dumper = assert(pcap.dumper { file = folder .. "/in.pcapng", format = "pcapng" })
    assert(dumper:dump(command.udp(53, "x"), 5, nil, { comment = "looked at twice" }))
    assert(dumper:close())
    assert.matches("UDP, length 1\tlooked at twice\n$",
      shell.run("luajit examples/dump.lua %s/in.pcapng", folder))
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

  it("merge writes what mergecap writes", function()
    shell.needs("mergecap", "tshark")
    local other = command.write(folder .. "/other.pcap",
      { command.udp(1, "x"), command.udp(2, "y") })
    shell.run("luajit examples/merge.lua %s/ours %s %s && mergecap -w %s/theirs %s %s", folder,
      path, other, folder, path, other)
    local function packets(name)
      return shell.run("tshark -n -r %s/%s 2>/dev/null", folder, name)
    end
    assert.equal(22, select(2, packets "ours":gsub("\n", "")))
    assert.equal(packets "theirs", packets "ours")
  end)

  it("replay sends a file with its timing, and rotate records it #live", function()
    if not net.require_privilege(pending) then return end
    local near, far, unplug = net.veth()
    finally(unplug)
    local records = {}
    for i = 1, 5 do
      records[i] = savefile.record(command.udp(53, "x" .. i), { sec = 5, fraction = i * 100000 })
    end
    local short = shell.write(folder .. "/short.pcap", savefile.header() .. table.concat(records))
    local clock = require("pcap.core.shim").luapcap_monotonic
    local started = clock()
    shell.try([[
      root=$PWD; cd %s; mkdir recorded; cd recorded
      luajit "$root"/examples/rotate.lua %s udp port 53 & rotate=$!
      sleep 0.5
      luajit "$root"/examples/replay.lua %s %s
      sleep 1.3
      kill -INT $rotate; wait $rotate]], folder, far, short, near)
    assert.is_true(clock() - started > 0.4 + 1.8)
    shell.run("cd %s/recorded && mergecap -a -F pcap -w ../all *-*.pcap", folder) -- one, or two
    assert.equal(shell.run("tcpdump -t -r %s 2>/dev/null", short),
      shell.run("tcpdump -t -r %s/all 2>/dev/null", folder))
  end)

  it("fail, and say why, if a file cannot be read", function()
    for _, name in ipairs { "dump", "copy", "merge /dev/null", "replay" } do
      local program, rest = name:match "^(%l+)(.*)"
      local output, status = shell.try("luajit examples/" .. program .. ".lua" .. rest
        .. " %s/none.pcap", folder)
      assert.equal(1, status)
      assert.is_truthy(output:find("none.pcap: No such file or directory", 1, true), output)
    end
  end)
end)
