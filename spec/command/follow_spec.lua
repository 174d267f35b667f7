-- pcap follow, beside tcpdump, which reads what has been written in the end.

local command = require "spec.support.command"
local frames = require "spec.support.frames"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove, path

local function records(from, to)
  local list = {}
  for i = from, to do
    list[#list + 1] = savefile.record(command.udp(53, "packet " .. i), { sec = 1700000000 + i })
  end
  return table.concat(list)
end

local function judged(name, words)
  return shell.run(("tcpdump -n -q -r %%s %s 2>/dev/null"):format(words or ""),
    folder .. "/" .. name)
end

-- Runs it on the file "grow", and shell commands in the folder meanwhile, of which `lines N` waits
-- until it has printed so many. Then a signal ends it. Gives stdout, stderr and the status.
local function follow(words, meanwhile, signal)
  local script = shell.write(folder .. "/follow.sh", ([[
    lines() { for i in $(seq 200); do [ "$(wc -l < out)" -ge $1 ] && break; sleep 0.02; done; }
    root=$PWD; cd "$1"; : >err # what the last run said
    "$root/bin/pcap" follow grow %s >out 2>err & follower=$!
    until grep -q following err; do sleep 0.02; done
    %s
    kill -%s $follower
    wait $follower
    echo $? >status
  ]]):format(words, meanwhile, signal or "INT"))
  command.run "--version"
  shell.run("timeout 60 bash -m %s %s 2>/dev/null", script, folder)
  return shell.read(folder .. "/out"), shell.read(folder .. "/err"),
    tonumber(shell.read(folder .. "/status"))
end

describe("pcap follow", function()
  before_each(function()
    folder, remove = shell.folder()
    path = shell.write(folder .. "/grow", savefile.header() .. records(1, 3))
    shell.write(folder .. "/more", records(4, 6))
  end)
  after_each(function() remove() end)

  for _, another in ipairs { "dump", "dns", "http", "json" } do
    it("hands packets on as they come, and " .. another .. " -l its lines", function()
      local packets = { dump = command.udp(53, "a"), json = command.udp(53, "a"),
        dns = command.udp(53, ("\0"):rep(4) .. "\0\1" .. ("\0"):rep(6) .. "\1a\0\0\1\0\1"),
        http = frames.ethernet(0x0800, frames.ipv4(6, frames.tcp("GET / HTTP/1.1\r\n\r\n"))) }
      local record = savefile.record(packets[another])
      shell.write(path, savefile.header() .. record)
      shell.write(folder .. "/more", record)
      command.run "--version"
      local script = shell.write(folder .. "/pipe.sh", [[
        lines() { for i in $(seq 200); do [ "$(wc -l < out)" -ge $1 ] && break; sleep 0.02; done; }
        root=$PWD; cd "$1"; : >out
        { echo $BASHPID >pid; exec "$root/bin/pcap" follow -nn -w - grow 2>err; } \
          | "$root/bin/pcap" $2 -l -r - >out &
        lines 1; cat more >>grow; lines 2; wc -l <out >seen
        kill -INT "$(cat pid)"; wait ]])
      shell.run("timeout 60 bash %s %s %s", script, folder, another)
      assert.equal("2\n", shell.read(folder .. "/seen"))
      assert.is_truthy(shell.read(folder .. "/err"):find("2 packets captured", 1, true))
    end)
  end

  it("prints tcpdump's lines as the file grows, and its count at a signal", function()
    for i, signal in ipairs { "INT", "TERM", "HUP" } do
      local out, err, status = follow("", "lines 3; cat more >> grow; lines " .. 3 + 3 * i, signal)
      assert.equal(judged "grow", out)
      assert.equal(3 + 3 * i, select(2, out:gsub("\n", "")))
      assert.equal(("following grow, link-type EN10MB (Ethernet), snapshot length 65535 bytes\n\n"
        .. "%d packets captured\n"):format(3 + 3 * i), err)
      assert.equal(0, status)
    end
  end)

  it("takes the options of pcap dump, and a filter", function()
    local words = "-tttt -#"
    assert.equal(judged("grow", words), (follow(words, "lines 3")))
    local out = follow("'udp[15] = 0x32 or udp[15] = 0x35'", "cat more >> grow; lines 2")
    assert.equal(judged("grow", "'udp[15] = 0x32 or udp[15] = 0x35'"), out)
    assert.equal(judged("grow", "-c 2"), command.run("follow -c 2 %s 2>/dev/null", path))
  end)

  it("leaves out what is there at the start, if only new packets are wanted", function()
    local out, err = follow("--new -t", "cat more >> grow; lines 3")
    shell.write(folder .. "/expected", savefile.header() .. records(4, 6))
    assert.equal(judged("expected", "-t"), out)
    assert.matches("\n3 packets captured\n$", err)
  end)

  it("waits for a file's header, and gives a packet when it is whole", function()
    local bytes = shell.read(path)
    shell.write(path, "")
    shell.write(folder .. "/first", bytes:sub(1, 60))
    shell.write(folder .. "/rest", bytes:sub(61))
    local out = shell.run("(sleep 0.3; cat %s/first; sleep 0.3; cat %s/rest) >> %s & "
      .. "bin/pcap follow -c 3 %s 2>/dev/null", folder, folder, path, path)
    assert.equal(judged "grow", out)
  end)

  it("takes no CPU time while the file does not grow", function()
    local used = command.run("--version >/dev/null; bash -c 'TIMEFORMAT=\"%%U %%S\"; "
      .. "time timeout -s INT 3 bin/pcap follow $0 >/dev/null 2>&1; true' %s 2>&1", path)
    local user, system = used:match "([%d.]+) ([%d.]+)"
    assert.is_true(user + system < 0.5, used)
  end)

  it("ends before the header comes, if a signal asks for that", function()
    shell.write(path, "")
    for _, signal in ipairs { "INT", "TERM" } do
      assert.equal("\n0 packets captured\nstatus 0\n", command.run(
        "follow %s & p=$!; sleep 0.5; kill -" .. signal .. " $p; wait $p; echo status $?", path))
    end
  end)

  it("goes on with the file that comes to its path, or has been cut off, and says so", function()
    shell.write(folder .. "/new", savefile.header() .. records(4, 4))
    shell.write(folder .. "/short", savefile.header())
    local out, err = follow("-t", "lines 3; mv grow grow.1; cp new grow; lines 4; "
      .. "cat more >> grow; lines 7; cat short > grow; sleep 0.5; cat more >> grow; lines 10")
    shell.write(folder .. "/all", savefile.header() .. records(1, 4) .. records(4, 6)
      .. records(4, 6))
    assert.equal(judged("all", "-t"), out)
    assert.equal([[
following grow, link-type EN10MB (Ethernet), snapshot length 65535 bytes
pcap follow: grow has been replaced: going on with the new file
pcap follow: grow has been cut off: going on from its start

10 packets captured
]], err)
  end)

  it("writes the packets on, whole at each moment", function()
    for _, name in ipairs { "copy.pcap", "copy.pcapng" } do
      local out, err, status = follow("-w " .. name, "cat more >> grow; sleep 0.5; "
        .. "tcpdump -n -q -r " .. name .. " > seen")
      assert.same({ "", 0 }, { out, status })
      assert.matches("packets captured\n$", err)
      assert.equal(judged "grow", judged(name))
      assert.equal(judged "grow", shell.read(folder .. "/seen"))
    end
    follow("-w -", "sleep 0.5")
    assert.equal(judged "grow", judged "out")
  end)

  it("writes another file's packets on in a section of their own, of any link type", function()
    shell.needs "tshark"
    local w = pcapng_file.writer(false)
    shell.write(folder .. "/new", w:section() .. w:interface(101, 0, { { 2, "tun9" } })
      .. w:packet(("\69"):rep(20)))
    local _, err, status = follow("-w out.pcapng",
      "sleep 0.3; cp new new2; mv new2 grow; sleep 0.5")
    assert.equal(0, status)
    assert.matches("\n4 packets captured\n$", err)
    assert.equal("1\n1\n1\n7\n", shell.run("tshark -n -r %s/out.pcapng -T fields "
      .. "-e frame.encap_type 2>/dev/null", folder)) -- Wireshark's numbers: Ethernet, raw IP
    assert.matches("tun9", shell.run("capinfos %s/out.pcapng", folder))
    local first, second = w:section() .. w:interface(1, 0, { { 2, "eth8" } }) .. w:packet "x",
      w:section() .. w:interface(1, 0, { { 2, "eth9" } }) .. w:packet "y"
    shell.write(path, first)
    shell.write(folder .. "/second", second)
    follow("-w out.pcapng", "sleep 0.3; mv second grow; sleep 0.5")
    assert.matches("Name = eth8\n.*Name = eth9\n", shell.run("capinfos %s/out.pcapng", folder))
    shell.write(path, savefile.header() .. records(1, 3))
    _, err, status = follow("-w out.pcapng.gz", "sleep 0.3; mv new grow; sleep 0.5")
    assert.equal(0, status, err)
    assert.equal("4\n", shell.run("tshark -n -r %s/out.pcapng.gz 2>/dev/null | wc -l", folder))
    _, err, status = follow("-w out.pcap", "true")
    assert.equal(0, status)
    assert.matches("\n1 packet captured\n$", err)
  end)

  it("ends with 1 if another link type comes to a pcap file", function()
    shell.write(folder .. "/new", savefile.header { linktype = 101 } .. savefile.record "x")
    local _, err, status = follow("-w out.pcap", "sleep 0.3; mv new grow; sleep 0.5")
    assert.equal(1, status)
    assert.matches("\npcap follow: out%.pcap: [^\n]+\n$", err)
    assert.equal(3, select(2, judged "out.pcap":gsub("\n", "")))
  end)

  it("says what it cannot follow", function()
    for name, message in pairs { [folder .. "/none"] = "No such file or directory",
      [folder] = "only a file can be followed" } do
      local output, status = command.try("follow %s", name)
      assert.equal(1, status)
      assert.matches("^pcap follow: " .. name:gsub("%p", "%%%0") .. ": .*" .. message, output)
    end
    local output, status = shell.try("cat %s | bin/pcap follow -", path)
    assert.equal("1 pcap follow: -: only a file can be followed\n", status .. " " .. output)
    output, status = command.try("follow -w %s %s", path, path)
    assert.equal(1, status)
    assert.is_truthy(output:find("a capture is reading it", 1, true), output)
  end)
end)
