local command = require "spec.support.command"
local frames = require "spec.support.frames"
local net = require "spec.support.net"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove, path

-- tcpdump's lines, with the same options.
local function judged(words, ...)
  return shell.run("tcpdump -n -q " .. words .. " 2>/dev/null", ...)
end

describe("pcap dump", function()
  setup(function()
    folder, remove = shell.folder()
    local kinds, packets = { frames.tcp("hello"), frames.udp("hi") }, {}
    for i = 1, 20 do
      packets[i] = command.udp(i % 2 == 0 and 53 or 123, ("x"):rep(i))
    end
    packets[21] = frames.ethernet(0x0800, frames.ipv4(6, kinds[1]))
    packets[22] = frames.ethernet(0x0806, frames.arp(1))
    path = command.write(folder .. "/in.pcap", packets)
  end)
  teardown(function() remove() end)

  it("prints tcpdump's lines, and takes its options", function()
    for _, words in ipairs { "-r %s", "-nr %s", "-nnr %s", "-r %s -c 3 udp port 53",
      "-r %s arp or 'tcp[13] != 0'", "-t -r %s", "-tt -r %s", "-ttt -r %s", "-tttt -r %s",
      "-ttttt -r %s", "-# -r %s",
      "-l -q -p -s 0 -B 100 -r %s" } do
      assert.equal(judged(words, path), command.run("dump " .. words, path), words)
    end
  end)

  it("prints times that go backwards, and nanoseconds, as tcpdump does", function()
    local packet = command.udp(53, "x")
    local records = {}
    local times = { { 5, 999999999 }, { 7, 1 }, { 6, 500 }, { 6, 400 }, { 3, 999999000 } }
    for i, time in ipairs(times) do
      records[i] = savefile.record(packet, { sec = time[1], fraction = time[2] })
    end
    local nano = shell.write(folder .. "/nano.pcap", savefile.header { magic = 0xa1b23c4d }
      .. table.concat(records))
    for _, words in ipairs { "", "-tt", "-ttt", "-tttt", "-ttttt" } do
      for _, digits in ipairs { "", " --nano" } do
        assert.equal(judged(words .. digits .. " -r %s", nano),
          command.run("dump " .. words .. digits .. " -r %s", nano), words .. digits)
      end
    end
  end)

  it("writes what it reads: the same bytes, or what matches, or pcapng", function()
    command.run("dump -r %s -w %s", path, folder .. "/same.pcap")
    assert.equal(shell.read(path), shell.read(folder .. "/same.pcap"))
    shell.run("gzip -k %s && bin/pcap dump -r - -w - < %s.gz > %s/piped.pcap", path, path, folder)
    assert.equal(shell.read(path), shell.read(folder .. "/piped.pcap"))
    command.run("dump -r %s -w %s/out.pcapng port 123", path, folder)
    assert.equal(judged("-r %s port 123", path), judged("-r %s/out.pcapng", folder))
    assert.matches("pcapng", shell.run("capinfos -t %s/out.pcapng", folder))
    command.run("dump -r %s -w %s/out --format pcapng", path, folder)
    assert.matches("pcapng", shell.run("capinfos -t %s/out", folder))
  end)

  it("lists the devices that tcpdump lists", function()
    if not net.require_privilege(pending) then return end
    local function devices(text)
      return text:gsub("(%d+%.%S+)[^\n]*", "%1")
    end
    assert.equal(devices(shell.run "tcpdump -D"), devices(command.run "dump -D"))
  end)

  it("captures live, with tcpdump's lines and counts #live", function()
    if not net.require_privilege(pending) then return end
    for _, signal in ipairs { "INT", "TERM" } do
      local send = command.sending(path)
      local out, err, status = command.live("dump -i DEVICE udp", send, signal)
      assert.equal(0, status)
      local judged_out, judged_err = command.live("-n -q --immediate-mode -i DEVICE udp", send,
        signal, "tcpdump")
      local function without_times(text) return (text:gsub("%f[^\n%z]%S+ IP", "IP")) end
      assert.equal(20, select(2, out:gsub("\n", "")))
      assert.equal(without_times(judged_out), without_times(out) .. "\n")
      local counts = "\n(20 packets captured.*)"
      assert.equal(judged_err:match(counts), err:match(counts))
    end
  end)

  it("takes a device by its number, and ends after packets or seconds #live", function()
    if not net.require_privilege(pending) then return end
    local near, far, unplug = net.veth()
    finally(unplug)
    local number = command.run("dump -D"):match("(%d+)%." .. near .. " ")
    local send = ("(sleep 0.5; export FAR=%s; %s) & "):format(far, command.sending(path))
    local words = "timeout 30 bin/pcap dump -t -i %s -c 2 udp port 53"
    local output = shell.run(send .. words, number)
    assert.matches("^listening on " .. near .. ", link%-type EN10MB %(Ethernet%), snapshot length "
      .. "262144 bytes\nIP [^\n]+%.53: UDP, length 2\nIP [^\n]+%.53: UDP, length 4\n"
      .. "2 packets captured\n%d+ packets? received by filter\n0 packets dropped by kernel\n$",
      output)
    assert.matches("\n0 packets captured\n", command.run("dump -i %s --duration 0.6", near))
  end)
end)

describe("pcap dump and pcap copy", function()
  it("leave a whole file when they are told to end", function()
    local place, remove_place = shell.folder()
    finally(remove_place)
    local packets = {}
    for i = 1, 3000 do
      packets[i] = command.udp(53, ("x"):rep(80))
    end
    command.write(place .. "/many.pcap", packets)
    -- Ends once the writer is gone, so nothing is left behind; told to end while it waits for more.
    local script = shell.write(place .. "/end.sh", [[
      mkfifo $1/fifo
      (cat $1/many.pcap; exec sleep 30) > $1/fifo & writer=$!
      shift; "$@" & reader=$!
      until [ "$(wc -c < "$OUT")" -gt 65536 ]; do sleep 0.05; done 2>/dev/null
      kill -$SIGNAL $reader
      wait $reader
      echo $?
      kill $writer
    ]])
    for _, signal in ipairs { "TERM", "INT", "HUP" } do
      for i, words in ipairs { "dump -r %s/fifo -w %s", "copy %s/fifo %s" } do
        local out = ("%s/%s%d.pcap"):format(place, signal, i)
        local status = shell.run("OUT=%s SIGNAL=%s timeout 60 bash -m %s %s bin/pcap "
          .. words:format(place, out) .. " 2>/dev/null; rm %s/fifo", out, signal, script, place,
          place)
        assert.equal("0\n", status)
        -- tcpdump complains of a file that ends within a packet.
        local read, judgement = shell.try("tcpdump -r %s 2>/dev/null | wc -l", out)
        assert.equal(0, judgement)
        assert.is_true(tonumber(read) > 500)
      end
    end
  end)
end)
