local command = require "spec.support.command"
local net = require "spec.support.net"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

describe("pcap rotate", function()
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
    local printed = command.run("rotate -v --packets 30 -r %s -w %s", path,
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
    command.run("rotate --format pcapng --gzip --temporary --seconds 10 --keep 3 "
      .. "--exec 'gzip -t' -r %s -w %s len = 60", path, folder .. "/%s.pcapng.gz")
    assert.equal("1700000080.pcapng.gz 1700000090.pcapng.gz 1700000100.pcapng.gz in ",
      (shell.run("ls %s", folder):gsub("\n", " ")))
    assert.equal("10\n", shell.run("tshark -r %s/1700000080.pcapng.gz 2>/dev/null | wc -l", folder))
  end)

  it("makes the files of tcpdump's -C and -W, and keeps the times' resolution", function()
    local big = folder .. "/big"
    local records = {}
    for i = 1, 400 do
      records[i] = savefile.record(("%060d"):format(i):rep(200), { sec = 1700000000 + i })
    end
    for _, magic in ipairs { 0xa1b2c3d4, 0xa1b23c4d } do
      shell.write(big, savefile.header { magic = magic } .. table.concat(records))
      assert.equal("400 packets captured\n", command.run("rotate --overwrite -C 1 -W 3 -r %s -w %s",
        big, folder .. "/part%i"))
      local names, packets = {}, ""
      for name in shell.run("cd %s && ls part*", folder):gmatch "%S+" do
        local bytes = shell.read(folder .. "/" .. name)
        assert.is_true(#bytes <= 1000000, #bytes)
        assert.equal(savefile.header { magic = magic }, bytes:sub(1, 24))
        names[#names + 1], packets = name, packets .. bytes:sub(25)
      end
      assert.same({ "part3", "part4", "part5" }, names)
      assert.equal(table.concat(records, "", 167), packets)
    end
  end)

  it("stops after so many files with -G and -W, as tcpdump does", function()
    assert.equal("29 packets captured\n", command.run("rotate -G 10 -W 3 -r %s -w %s", path,
      folder .. "/%s.pcap"))
    assert.equal("1700000001.pcap 1700000010.pcap 1700000020.pcap in ",
      (shell.run("ls %s", folder):gsub("\n", " ")))
  end)

  it("says which file a program has failed for", function()
    local name = folder .. "/it's %i"
    local printed = command.run("rotate --packets 60 -z 'sh -c \"exit 3\"' -r %s -w %s", path, name)
    assert.equal(([[
pcap rotate: NAME1: 'sh -c "exit 3"' has failed, with status 3
pcap rotate: NAME2: 'sh -c "exit 3"' has failed, with status 3
100 packets captured
]]):gsub("NAME", (name:sub(1, -3))), printed)
  end)

  it("lets a program end that the terminal's Ctrl-C reaches too", function()
    shell.needs "setsid"
    command.run "--version"
    local printed = shell.run([[
      setsid bin/pcap rotate --packets 10 -z 'sleep 1; echo done' -r %s -w %s & rotate=$!
      sleep 0.5
      kill -INT -$rotate
      wait $rotate
      echo status $?]], path, folder .. "/%i.pcap")
    local done = ("done %s/1.pcap\ndone %s/2.pcap\n"):format(folder, folder)
    assert.equal(done .. "\n11 packets captured\nstatus 0\n", printed)
  end)

  it("ends at a signal with a whole file and the counts #live", function()
    if not net.require_privilege(pending) then return end
    shell.needs "bash"
    local printed = command.run([[rotate -i lo --seconds 1 -w %s udp dst port 9 2>&1 & pid=$!
      sleep 0.7
      bash -c 'for i in 1 2 3 4; do echo $i >/dev/udp/127.0.0.1/9; done' 2>/dev/null
      sleep 1.8
      kill -TERM $pid; wait $pid; echo "status $?"]], folder .. "/%i.pcap")
    assert.matches("^listening on lo, [^\n]+\n\n4 packets captured\n[48] packets received by "
      .. "filter\n0 packets dropped by kernel\nstatus 0\n$", printed)
    local files = tonumber(shell.run("ls %s/*.pcap | wc -l", folder))
    assert.is_true(files >= 2) -- some without packets
    assert.equal("4\n", shell.run("cd %s && mergecap -a -F pcap -w all *.pcap && "
      .. "tcpdump --count -r all 2>/dev/null | cut -d' ' -f1", folder))
  end)

  it("stops by the clock where no packet comes, and a program does not hold it up #live", function()
    if not net.require_privilege(pending) then return end
    local printed = command.run([[rotate -i lo -G 1 -W 2 -z 'sleep 3; echo' -w %s udp port 9 2>&1 \
      >/dev/null & pid=$!
      sleep 0.5
      timeout 2.9 tail --pid=$pid -f /dev/null; echo "status $?"]], folder .. "/%i.pcap")
    assert.matches("\n0 packets captured\n.*\nstatus 0\n$", printed)
    assert.equal("1.pcap 2.pcap in ", (shell.run("ls %s", folder):gsub("\n", " ")))
  end)

  it("completes the present file if the next one cannot be opened", function()
    shell.write(folder .. "/1700000010.pcap", "another's")
    local printed, status = command.try("rotate -v -G 10 -r %s -w %s", path, folder .. "/%s.pcap")
    assert.equal(1, status)
    assert.equal(([[
%s/1700000001.pcap: 9 packets, 708 bytes
9 packets captured
pcap rotate: %s/1700000010.pcap: File exists. Let the name have %%i
]]):format(folder, folder), printed)
  end)

  it("says what is wrong", function()
    for arguments, expected in pairs {
      ["--help"] = { 0, "^Usage: pcap rotate " },
      [""] = { 2, "missing option '%-w'" },
      ["-r x -w y"] = { 2, "when does a file end%? Give %-G, %-C, %-%-bytes or %-%-packets" },
      ["-r x -G 1 -w -"] = { 2, "stdout does not rotate" },
      ["-r x --size 3 -w y"] = { 2, "unknown option '%-%-size'" },
      ["-r x --bytes many -w y"] = { 2, "'many' is not a whole number" },
      ["-r x -C 1 --bytes 5 -w y"] = { 2, "can not be used together" },
      ["-r /dev/null --packets 1 -w a-%i"] = { 1, "/dev/null: " },
      ["-r " .. path .. " --packets 1 -w /no/%i"] = { 1, "/no/1: No such file or directory" },
      ["-r " .. path .. " --packets 1 -w a.pcap"] = { 2, "the name needs %%i" },
      ["-r " .. path .. " --packets 1 -w a-%i no filter"] = { 1, "syntax error" },
    } do
      local printed, status = command.try("rotate " .. arguments)
      assert.matches(expected[2], printed)
      assert.equal(expected[1], status, arguments)
    end
  end)
end)
