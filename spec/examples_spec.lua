local net = require "spec.support.net"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

-- Ethernet, IPv4 and UDP to a port, with a payload.
local function udp(port, payload)
  local length = 8 + #payload
  return ("\2"):rep(12) .. "\8\0\x45\0\0" .. string.char(20 + length)
    .. "\0\1\0\0\64\17\0\0\192\0\2\1\192\0\2\2\4\0\0" .. string.char(port)
    .. "\0" .. string.char(length) .. "\0\0" .. payload
end

-- tcpdump's own reading of a file: one line a packet, its time first.
local function judged(path, expression)
  return shell.run("tcpdump -n -tt -r %s %s 2>/dev/null", path, expression or "")
end

local function count(text)
  return select(2, text:gsub("\n", "\n"))
end

describe("the examples", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    local records = {}
    for i = 1, 20 do
      records[i] = savefile.record(udp(i % 2 == 0 and 53 or 123, "payload " .. i),
        { sec = 1700000000 + i, fraction = i })
    end
    path = shell.write(folder .. "/in.pcap", savefile.header() .. table.concat(records))
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

  it("dump prints a line a packet", function()
    local printed = shell.run("luajit examples/dump.lua -r %s", path)
    assert.equal(20, count(printed))
    assert.truthy(printed:find("192.0.2.1.1024 > 192.0.2.2.53", 1, true))
  end)

  it("dump takes a filter of several words and a count", function()
    local printed = shell.run("luajit examples/dump.lua -r %s -c 3 udp port 53", path)
    assert.equal(3, count(printed))
    assert.falsy(printed:find("192.0.2.2.123", 1, true))
  end)

  it("dump writes what it reads, and pipes", function()
    shell.run("luajit examples/dump.lua -r %s -w %s/out.pcap port 123", path, folder)
    assert.equal(judged(path, "port 123"), judged(folder .. "/out.pcap"))
    shell.run("luajit examples/dump.lua -r - -w - < %s > %s/piped.pcap", path, folder)
    assert.equal(shell.read(path), shell.read(folder .. "/piped.pcap"))
  end)

  it("dump and copy write pcapng where the name says so", function()
    shell.run("luajit examples/dump.lua -r %s -w %s/dump.pcapng port 123", path, folder)
    shell.run("luajit examples/copy.lua %s %s/copy.pcapng port 123 2>/dev/null", path, folder)
    for _, name in ipairs { "dump", "copy" } do
      local written = ("%s/%s.pcapng"):format(folder, name)
      assert.equal(judged(path, "port 123"), judged(written))
      assert.matches("pcapng", shell.run("capinfos -t %s", written))
    end
  end)

  it("dump says what is wrong", function()
    local output, status = shell.try("luajit examples/dump.lua -r %s/none.pcap", folder)
    assert.equal(1, status)
    assert.truthy(output:find("none.pcap: No such file or directory", 1, true))
    output, status = shell.try("luajit examples/dump.lua -r %s tcp prt 1", path)
    assert.equal(1, status)
    assert.truthy(output:find("syntax error", 1, true))
    for _, words in ipairs { "-c", "-c three", "-c -1", "-c 1.5" } do
      output, status = shell.try("luajit examples/dump.lua -r %s " .. words, path)
      assert.equal(1, status)
      assert.truthy(output:find("^dump: %-c needs a "), output)
    end
    output, status = shell.try("luajit examples/dump.lua -r %s > /dev/full", path)
    assert.equal("dump: No space left on device\n", output)
    assert.equal(1, status)
  end)

  it("dump captures live", function()
    if not net.require_privilege(pending) then return end
    local near, far, unplug = net.veth()
    finally(unplug)
    shell.write(folder .. "/send.lua", [[
      local cap = assert(require("pcap").open_live(arg[1]))
      local frame = assert(io.open(arg[2], "rb")):read("*a")
      for _ = 1, 50 do assert(cap:inject(frame)) os.execute("sleep 0.1") end
    ]])
    shell.write(folder .. "/frame", udp(53, "live"))
    local output = shell.run("timeout 20 luajit %s/send.lua %s %s/frame 2>/dev/null & "
      .. "timeout 20 luajit examples/dump.lua -i %s -c 2 udp port 53 2>/dev/null",
      folder, far, folder, near)
    assert.equal(2, count(output))
    assert.truthy(output:find("192.0.2.1.1024 > 192.0.2.2.53", 1, true))
  end)

  it("dump and copy leave a whole file when they are told to end", function()
    if not pcall(require, "posix.signal") then return pending("needs luaposix") end
    local records = {}
    for i = 1, 3000 do
      records[i] = savefile.record(udp(53, ("x"):rep(80)), { sec = i })
    end
    shell.write(folder .. "/many.pcap", savefile.header() .. table.concat(records))
    -- Ends once the writer is gone, so nothing is left behind; told to end while it waits for more.
    local script = shell.write(folder .. "/end.sh", [[
      mkfifo $1/fifo
      (cat $1/many.pcap; exec sleep 30) > $1/fifo & writer=$!
      shift; "$@" & reader=$!
      until [ "$(wc -c < "$OUT")" -gt 65536 ]; do sleep 0.05; done 2>/dev/null
      kill -$SIGNAL $reader
      wait $reader
      echo $?
      kill $writer
    ]])
    for _, signal in ipairs { "TERM", "INT" } do
      for i, command in ipairs { "dump.lua -r %s/fifo -w %s", "copy.lua %s/fifo %s" } do
        local out = ("%s/%s%d.pcap"):format(folder, signal, i)
        local example = "luajit examples/" .. command:format(folder, out)
        local status = shell.run("OUT=%s SIGNAL=%s timeout 60 bash -m %s %s " .. example
          .. " 2>/dev/null; rm %s/fifo", out, signal, script, folder, folder)
        assert.equal("0\n", status)
        -- tcpdump complains of a file that ends within a packet.
        local _, judgement = shell.try("tcpdump -r %s -w /dev/null", out)
        assert.equal(0, judgement)
        assert.is_true(count(judged(out)) > 500)
      end
    end
  end)

  it("split makes a file a packet", function()
    shell.run("luajit examples/split.lua %s %s/part-", path, folder)
    local all = {}
    for i = 1, 20 do
      all[i] = judged(("%s/part-%05d.pcap"):format(folder, i))
      assert.equal(1, count(all[i]))
    end
    assert.equal(judged(path), table.concat(all))
  end)

  it("copy takes what matches, to the nanosecond", function()
    local nano = shell.write(folder .. "/nano.pcap", savefile.header { magic = 0xa1b23c4d }
      .. savefile.record(udp(53, "a"), { sec = 5, fraction = 123456789 })
      .. savefile.record(udp(123, "b"), { sec = 6, fraction = 1 }))
    shell.run("luajit examples/copy.lua %s %s/copy.pcap udp port 53", nano, folder)
    assert.equal(savefile.header { magic = 0xa1b23c4d }
      .. savefile.record(udp(53, "a"), { sec = 5, fraction = 123456789 }),
      shell.read(folder .. "/copy.pcap"))
  end)
end)
