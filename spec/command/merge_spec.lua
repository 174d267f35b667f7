-- pcap merge, beside mergecap.

local command = require "spec.support.command"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove

local function file(name, times, opts)
  local parts = { savefile.header(opts) }
  for i, time in ipairs(times) do
    parts[i + 1] = savefile.record(("%s %d "):format(name, i):rep(20), { sec = time })
  end
  return shell.write(folder .. "/" .. name, table.concat(parts))
end

local function packets(path)
  return shell.run("tshark -n -r %s -T fields -e frame.time_epoch -e frame.len -e data.data "
    .. "-e eth.dst 2>/dev/null", path)
end

describe("pcap merge", function()
  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  it("writes what mergecap writes", function()
    shell.needs("mergecap", "tshark")
    local a, b, out = file("a", { 1, 4, 4, 9 }), file("b", { 2, 4, 5 }), folder .. "/out.pcap"
    shell.run("gzip -c < %s > %s", b, b .. ".gz")
    shell.run("mergecap -F pcap -w %s %s %s", folder .. "/theirs", a, b)
    assert.equal("7 packets merged\n", command.run("merge -w %s %s %s", out, a, b .. ".gz"))
    assert.equal(packets(folder .. "/theirs"), packets(out))
    command.run("merge -F pcap -w - %s %s 2>/dev/null > %s", a, b, out)
    assert.equal(packets(folder .. "/theirs"), packets(out))
    assert.equal("2 packets merged\n", command.run("merge -f %s -w %s %s %s",
      "ether[2] = 0x34", out, a, file("4", { 1, 2, 3, 4 }))) -- the fourth of each
  end)

  it("writes pcapng, or pcap if that is asked for and possible", function()
    local a, b, out = file("a", { 1 }), file("b", { 2 }, { linktype = 101 }), folder .. "/out"
    local nano = file("c", { 3 }, { magic = 0xa1b23c4d })
    local w = pcapng_file.writer(false)
    local ng = shell.write(folder .. "/n.pcapng", w:section() .. w:interface(1, 99) .. w:packet "x")
    local function type_of(words, path, ...)
      command.run("merge -w %s " .. words, path, ...)
      return shell.read(path):sub(1, 4)
    end
    local pcapng = "\10\13\13\10"
    local micro = savefile.header():sub(1, 4)
    local nanoseconds = savefile.header({ magic = 0xa1b23c4d }):sub(1, 4)
    assert.equal(pcapng, type_of("%s %s", out, a, b))
    assert.equal(pcapng, type_of("%s", out, a))
    assert.equal(pcapng, type_of("-F pcapng %s", out .. ".pcap", a))
    assert.equal(pcapng, type_of("%s %s", out .. ".pcap", a, b)) -- pcap has no two link types
    assert.equal(micro, type_of("%s", out .. ".pcap", a))
    assert.equal(micro, type_of("-F pcap %s", out, a))
    assert.equal(nanoseconds, type_of("-F pcap %s %s", out, a, nano))
    assert.equal(nanoseconds, type_of("-F pcap %s", out, ng))
    local output, status = command.try("merge -F pcap -w %s/none %s %s", folder, a, b)
    assert.same({ "pcap merge: the files have several link types, and a pcap file has one: write "
      .. "pcapng\n", 1 }, { output, status })
    assert.is_false((pcall(shell.read, folder .. "/none")))
  end)

  it("keeps nanoseconds, interfaces and link types, as mergecap does", function()
    shell.needs("mergecap", "tshark")
    local a, out = file("a", { 1, 3 }, { magic = 0xa1b23c4d }), folder .. "/out.pcapng"
    shell.write(a, shell.read(a) .. savefile.record("late", { sec = 4, fraction = 123456789 }))
    local b = file("b", { 2, 5 }, { linktype = 101 })
    shell.run("mergecap -w %s/theirs %s %s", folder, a, b)
    command.run("merge -w %s %s %s", out, a, b)
    local function fields(path)
      return shell.run("tshark -n -r %s -T fields -e frame.time_epoch -e frame.interface_id "
        .. "-e frame.encap_type -e frame.len 2>/dev/null", path)
    end
    assert.equal(fields(folder .. "/theirs"), fields(out))
    assert.matches("4%.123456789", fields(out))
  end)

  it("tells of a damaged file, goes on with the others, and ends with 1", function()
    local a, b = file("a", { 1, 3 }), file("b", { 2, 4 })
    shell.write(a, shell.read(a):sub(1, -5))
    local output, status = command.try("merge -w %s %s %s", folder .. "/out", a, b)
    assert.equal(1, status)
    assert.matches("^pcap merge: " .. a:gsub("%p", "%%%0") .. ": truncated dump file", output)
    assert.matches("\n3 packets merged\n$", output)
  end)

  it("tells what is wrong with its arguments, and ends with 2", function()
    for arguments, message in pairs {
      ["x"] = "missing option '-w'", ["-w x"] = "missing argument 'files'",
      ["-w"] = "option '-w' requires an argument", ["-q"] = "unknown option '-q'",
      ["-w x -F xyz y"] = "argument for option '-F' must be one of 'pcap', 'pcapng'",
      ["-w x - y -"] = "'-' is stdin, which can be read once only",
    } do
      local output, status = command.try("merge " .. arguments)
      assert.matches("^Usage: pcap merge ", output)
      assert.is_truthy(output:find("\npcap merge: " .. message .. "\n", 1, true), output)
      assert.equal(2, status)
    end
    local output, failed = command.try("merge -w %s/x %s/none", folder, folder)
    assert.same({ "pcap merge: " .. folder .. "/none: No such file or directory\n", 1 },
      { output, failed })
    assert.is_false((pcall(shell.read, folder .. "/x")))
  end)

  it("refuses to write over a file that it reads", function()
    local a, b = file("a", { 1 }), file("b", { 2 })
    local before = shell.read(a)
    local output, status = command.try("merge -w %s %s %s", a, b, a)
    assert.equal(1, status)
    assert.is_truthy(output:find("a capture is reading it", 1, true), output)
    assert.equal(before, shell.read(a))
  end)

  it("ends with 1 where it cannot write", function()
    local a = file("a", { 1 })
    for path, message in pairs { ["/dev/full"] = "No space left on device",
      [folder] = "Is a directory" } do
      local output, status = command.try("merge -w %s %s", path, a)
      assert.equal(1, status)
      assert.is_truthy(output:find("pcap merge: " .. path .. ": " .. message, 1, true), output)
    end
  end)

  it("writes the packets so far at SIGTERM and Ctrl-C", function()
    for _, signal in ipairs { "TERM", "INT" } do
      local out = folder .. "/out"
      local output = shell.run("mkfifo %s; (cat %s; exec sleep 2) > %s & "
        .. "bin/pcap merge -w %s %s %s & p=$!; sleep 1; kill -%s $p; wait $p; echo $?",
        folder .. "/" .. signal, file("a", { 1, 2, 3 }), folder .. "/" .. signal, out,
        folder .. "/" .. signal, file("b", { 2, 9 }), signal)
      assert.equal("4 packets merged\n0\n", output)
      assert.equal("4\n", shell.run("tcpdump -n -r %s 2>/dev/null | grep -c '^[0-9]'", out))
    end
  end)
end)
