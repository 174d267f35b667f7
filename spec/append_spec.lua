local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

describe("dump_open with append", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/a.pcap"
  end)
  after_each(function() remove() end)

  it("adds to a file of the same kind", function()
    shell.write(path, savefile.header { snaplen = 100 } .. savefile.record("first", { sec = 1 }))
    local dumper = assert(pcap.open_dead(1, 100):dump_open(path, { append = true }))
    assert(dumper:dump("second", 2))
    assert(dumper:close())
    assert.equal(savefile.header { snaplen = 100 } .. savefile.record("first", { sec = 1 })
      .. savefile.record("second", { sec = 2 }), shell.read(path))
  end)

  it("makes the file where there is none", function()
    local dumper = assert(pcap.open_dead(1, 100):dump_open(path, { append = true }))
    assert(dumper:dump("only", 1))
    assert(dumper:close())
    assert.equal(savefile.header { snaplen = 100 } .. savefile.record("only", { sec = 1 }),
      shell.read(path))
  end)

  it("keeps its descriptor from programs that are started, as reading and writing do", function()
    local cap = pcap.open_dead()
    assert(cap:dump_open(path):close())
    local open = { cap:dump_open(path, { append = true }), cap:dump_open(path .. ".new"),
      pcap.open_offline(path) }
    assert.is_nil(shell.run("ls -l /proc/self/fd"):find(folder, 1, true))
    for _, one in ipairs(open) do one:close() end
  end)

  it("refuses any other file, names it, and leaves it as it is", function()
    local cap = pcap.open_dead(1, 100)
    local record = savefile.record("first", { sec = 1 })
    for why, content in pairs {
      ["link type"] = savefile.header { snaplen = 100, linktype = 101 } .. record,
      ["snapshot length"] = savefile.header { snaplen = 101 } .. record,
      precision = savefile.header { snaplen = 100, magic = 0xa1b23c4d } .. record,
      ["byte order"] = savefile.header { snaplen = 100, big = true } .. record,
      ["not a savefile"] = ("no savefile at all, but long enough for a header"),
    } do
      shell.write(path, content)
      local dumper, message = cap:dump_open(path, { append = true })
      assert.is_nil(dumper, why)
      assert.truthy(message:find(path, 1, true), message)
      assert.equal(content, shell.read(path), why)
    end
  end)

  it("refuses a file that ends within a record, in which what is added would be lost", function()
    local content = savefile.header { snaplen = 100 } .. savefile.record("first", { sec = 1 })
    for _, tail in ipairs { "abc", savefile.record("second"):sub(1, -2) } do
      shell.write(path, content .. tail)
      local dumper, message = pcap.open_dead(1, 100):dump_open(path, { append = true })
      assert.is_nil(dumper)
      assert.matches("^" .. path:gsub("%p", "%%%0") .. ": truncated dump file", message)
      assert.equal(content .. tail, shell.read(path))
    end
  end)

  it("takes a device, which ends nowhere", function()
    local dumper = assert(pcap.open_dead():dump_open("/dev/null", { append = true }))
    assert(dumper:dump("abc", 1))
    assert.is_nil((dumper:tell()))
    assert.is_true(dumper:close())
  end)

  it("refuses misuse by name", function()
    local cap = pcap.open_dead()
    assert.has_error(function() cap:dump_open(path, { append = 1 }) end,
      "bad argument #2 to 'dump_open' (option 'append': boolean expected, got 1)")
    assert.has_error(function() cap:dump_open(path, true) end,
      "bad argument #2 to 'dump_open' (table expected, got boolean)")
  end)

  it("without it starts the file anew", function()
    shell.write(path, savefile.header() .. savefile.record("old"))
    assert(pcap.open_dead(1, 100):dump_open(path, { append = false }):close())
    assert.equal(savefile.header { snaplen = 100 }, shell.read(path))
  end)
end)

describe("A copied savefile", function()
  it("is the one that tcpdump writes, byte for byte, for every real capture", function()
    local folder, remove = shell.folder()
    finally(remove)
    local compared = 0
    for _, path in ipairs(savefile.real()) do
      shell.try("tcpdump -r %s -w %s/tcpdump.pcap", path, folder)
      local cap = assert(pcap.open_offline(path))
      local dumper = assert(cap:dump_open(folder .. "/ours.pcap"))
      for pkt in cap:packets() do
        assert(dumper:dump(pkt))
      end
      assert(dumper:close())
      shell.run("cmp %s/tcpdump.pcap %s/ours.pcap", folder, folder)
      compared = compared + 1
    end
    if compared == 0 then
      return pending("no captures in ../shared/captures or PCAP_CAPTURES")
    end
  end)
end)
