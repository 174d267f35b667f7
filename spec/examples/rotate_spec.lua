local net = require "spec.support.net"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

describe("examples/rotate.lua", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    local records = {}
    for i = 1, 100 do
      records[i] = savefile.record(("%060d"):format(i), { sec = 1700000000 + i, fraction = i })
    end
    path = shell.write(folder .. "/in", savefile.header() .. table.concat(records))
  end)
  after_each(function() remove() end)

  it("writes a savefile into several, which mergecap joins again", function()
    local printed = shell.run("luajit examples/rotate.lua -v --packets 30 -r %s %s", path,
      folder .. "/a-%i.pcap")
    assert.equal(([[
%s/a-1.pcap: 30 packets, 2304 bytes
%s/a-2.pcap: 30 packets, 2304 bytes
%s/a-3.pcap: 30 packets, 2304 bytes
%s/a-4.pcap: 10 packets, 784 bytes
100 packets captured
]]):gsub("%%s", folder), printed)
    shell.run("cd %s && mergecap -a -F pcap -w all a-*.pcap && mergecap -a -F pcap -w in2 in",
      folder)
    assert.equal(shell.read(folder .. "/in2"), shell.read(folder .. "/all"))
  end)

  it("packs, keeps the last files, and runs a program for each", function()
    shell.needs_zlib()
    shell.run("luajit examples/rotate.lua --pcapng --gzip --temporary --seconds 10 --keep 3 "
      .. "--exec 'gzip -t' -r %s %s len = 60", path, folder .. "/%s.pcapng.gz")
    assert.equal("1700000080.pcapng.gz 1700000090.pcapng.gz 1700000100.pcapng.gz in ",
      (shell.run("ls %s", folder):gsub("\n", " ")))
    assert.equal("10\n", shell.run("tshark -r %s/1700000080.pcapng.gz 2>/dev/null | wc -l", folder))
  end)

  it("ends at a signal with a whole file and the counts", function()
    if not net.require_privilege(pending) then return end
    shell.needs "bash"
    local printed = shell.run([[
      luajit examples/rotate.lua -i lo --seconds 1 %s udp dst port 9 2>&1 & pid=$!
      sleep 0.7
      bash -c 'for i in 1 2 3 4; do echo $i >/dev/udp/127.0.0.1/9; done' 2>/dev/null
      sleep 1.8
      kill -TERM $pid; wait $pid; echo "status $?"]], folder .. "/%i.pcap")
    assert.matches("^4 packets captured\n[48] packets received by filter\n0 packets dropped by "
      .. "kernel\nstatus 0\n$", printed)
    local files = tonumber(shell.run("ls %s/*.pcap | wc -l", folder))
    assert.is_true(files >= 2) -- some without packets
    assert.equal("4\n", shell.run("cd %s && mergecap -a -F pcap -w all *.pcap && "
      .. "tcpdump --count -r all 2>/dev/null | cut -d' ' -f1", folder))
  end)

  it("says what is wrong", function()
    for arguments, expected in pairs {
      ["--help"] = { 0, "Usage: rotate.lua" },
      [""] = { 2, "a NAME and one of %-i and %-r are needed" },
      ["-r x --size 3 y"] = { 2, "unknown option %-%-size" },
      ["-r x --bytes many y"] = { 2, "%-%-bytes needs a number" },
      ["-r /dev/null --packets 1 a-%i"] = { 1, "/dev/null: " },
      ["-r " .. path .. " --packets 1 /no/%i"] = { 1, "/no/1: No such file or directory" },
      ["-r " .. path .. " --packets 1 a.pcap"] = { 2, "the name needs %%i" },
      ["-r " .. path .. " --packets 1 a-%i no filter"] = { 1, "syntax error" },
    } do
      local printed, status = shell.try("luajit examples/rotate.lua " .. arguments)
      assert.matches(expected[2], printed)
      assert.equal(expected[1], status, arguments)
    end
  end)
end)
