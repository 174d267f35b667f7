-- examples/merge.lua, beside mergecap.

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

describe("examples/merge.lua", function()
  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  it("writes what mergecap writes", function()
    shell.needs("mergecap", "tshark")
    local a, b, out = file("a", { 1, 4, 4, 9 }), file("b", { 2, 4, 5 }), folder .. "/out.pcap"
    shell.run("gzip -c < %s > %s", b, b .. ".gz")
    shell.run("mergecap -F pcap -w %s %s %s", folder .. "/theirs", a, b)
    assert.equal("7 packets merged\n", shell.run("luajit examples/merge.lua -w %s %s %s", out, a,
      b .. ".gz"))
    assert.equal(packets(folder .. "/theirs"), packets(out))
    shell.run("luajit examples/merge.lua -w - %s %s 2>/dev/null > %s", a, b, out)
    assert.equal(packets(folder .. "/theirs"), packets(out))
    assert.equal("2 packets merged\n", shell.run("luajit examples/merge.lua -f %s -w %s %s %s",
      "ether[2] = 0x34", out, a, file("4", { 1, 2, 3, 4 }))) -- the fourth of each
  end)

  it("writes pcapng if that is asked for or needed", function()
    local a, b, out = file("a", { 1 }), file("b", { 2 }, { linktype = 101 }), folder .. "/out"
    local w = pcapng_file.writer(false)
    local function type_of(command)
      shell.run("luajit examples/merge.lua " .. command)
      return shell.read(out):sub(1, 4)
    end
    local words = ("%s %s"):format(shell.quote(a), shell.quote(b))
    assert.equal("\10\13\13\10", type_of(("-w %s %s"):format(out, words)))
    assert.equal("\10\13\13\10", type_of(("-F pcapng -w %s %s"):format(out, shell.quote(a))))
    shell.write(folder .. "/n.pcapng", w:section() .. w:interface(1, 99)
      .. w:packet "x")
    assert.equal(savefile.header({ magic = 0xa1b23c4d }):sub(1, 4),
      type_of(("-w %s %s"):format(out, folder .. "/n.pcapng")))
  end)

  it("tells of a damaged file, goes on with the others, and ends with 1", function()
    local a, b = file("a", { 1, 3 }), file("b", { 2, 4 })
    shell.write(a, shell.read(a):sub(1, -5))
    local output, status = shell.try("luajit examples/merge.lua -w %s %s %s", folder .. "/out", a,
      b)
    assert.equal(1, status)
    assert.matches("^merge: " .. a:gsub("%p", "%%%0") .. ": truncated dump file", output)
    assert.matches("\n3 packets merged\n$", output)
  end)

  it("tells what is wrong with its arguments, and ends with 2", function()
    for arguments, message in pairs {
      [""] = "merge: -w is missing", ["-w x"] = "merge: there are no files to merge",
      ["-w"] = "merge: -w needs a value", ["-q"] = "merge: there is no option -q",
      ["-w x -F xyz y"] = "merge: -F is pcap or pcapng, not xyz",
    } do
      local output, status = shell.try("luajit examples/merge.lua " .. arguments)
      assert.same({ message .. "\nTry --help.\n", 2 }, { output, status })
    end
    local help, status = shell.try "luajit examples/merge.lua --help"
    assert.equal(0, status)
    assert.matches("^Usage: luajit examples/merge.lua", help)
    local output, failed = shell.try("luajit examples/merge.lua -w %s/x %s/none", folder, folder)
    assert.same({ "merge: " .. folder .. "/none: No such file or directory\n", 1 },
      { output, failed })
  end)

  it("writes the packets so far at SIGTERM and Ctrl-C", function()
    for _, signal in ipairs { "TERM", "INT" } do
      local out = folder .. "/out"
      local output = shell.run("mkfifo %s; (cat %s; exec sleep 2) > %s & "
        .. "luajit examples/merge.lua -w %s %s %s & p=$!; sleep 1; kill -%s $p; wait $p; echo $?",
        folder .. "/" .. signal, file("a", { 1, 2, 3 }), folder .. "/" .. signal, out,
        folder .. "/" .. signal, file("b", { 2, 9 }), signal)
      assert.equal("4 packets merged\n0\n", output)
      assert.equal("4\n", shell.run("tcpdump -n -r %s 2>/dev/null | grep -c '^[0-9]'", out))
    end
  end)
end)
