local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local reader = require "spec.support.reader"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local BIG = require("ffi").abi "be"
local w, other = pcapng_file.writer(BIG), pcapng_file.writer(not BIG)

local SECTION = w:section { { 2, "machine" }, { 3, "os" }, { 4, "app" } }
local HEADER = SECTION .. w:interface(1, 100, { { 9, "\6" }, { 12, "any" } })

describe("A pcapng dumper with append", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/a.pcapng"
  end)
  after_each(function() remove() end)

  local function open(opts)
    local all = { file = path, format = "pcapng", snaplen = 100, append = true,
      interface = { os = "any" },
      section = { application = "app", os = "os", hardware = "machine" } }
    for key, value in pairs(opts or {}) do all[key] = value end
    return pcap.dumper(all)
  end

  it("makes the file where there is none, and adds a section where there is one", function()
    assert(assert(open()):dump("abc", 1):close())
    local first = HEADER .. w:packet("abc", { low = 1e6 })
    assert.equal(first, shell.read(path))
    local dumper = assert(open())
    assert.equal(#first + #HEADER, dumper:tell())
    assert(dumper:dump("def", 2):close())
    assert.equal(first .. HEADER .. w:packet("def", { low = 2e6 }), shell.read(path))
    assert.same({ "link type 1, snaplen 100\npacket 1 0 3 3 abc\npacket 2 0 3 3 def\n"
      .. ("end: closed\n"):rep(3) }, reader.libpcap(folder) { { path = path } })
  end)

  it("adds to files of any link type, of Wireshark's programs too", function()
    shell.write(path .. "1", savefile.header { linktype = 101 } .. savefile.record("raw"))
    shell.run("editcap -F pcapng %s1 %s 2>/dev/null", path, path)
    local before = shell.read(path)
    assert(assert(open()):comment("added"):dump("abc", 1):close())
    assert.equal(before, shell.read(path):sub(1, #before))
    assert.equal("1\t7\n2\t1\n", shell.run(
      "tshark -r %s -T fields -e frame.number -e frame.encap_type 2>/dev/null", path))
    assert.matches("Capture comment: +added", shell.run("capinfos %s", path))
  end)

  it("writes the comment of an added section into its header", function()
    assert(assert(open()):dump("abc", 1):close())
    local first = shell.read(path)
    assert(assert(open()):comment("more"):close())
    assert.equal(first .. w:section { { 1, "more" }, { 2, "machine" }, { 3, "os" }, { 4, "app" } }
      .. HEADER:sub(#SECTION + 1), shell.read(path))
  end)

  it("refuses any other file, names it, and leaves it as it is", function()
    local whole = HEADER .. w:packet("abc")
    for problem, content in pairs {
      ["not a pcapng file"] = savefile.header() .. savefile.record("abc"),
      ["the file has another byte order than this machine"] = other:section()
        .. other:interface(1, 100),
      [("the block at offset %d is not whole"):format(#HEADER)] = whole:sub(1, -2),
      [("the block at offset %d is not whole"):format(#whole)] = whole .. "\6\0\0",
      ["the block at offset 0 is not whole"] = whole:sub(1, 4) .. w:word(29, 4) .. whole:sub(9),
    } do
      shell.write(path, content)
      assert.same({ nil, path .. ": " .. problem }, { open() })
      assert.equal(content, shell.read(path))
    end
    shell.write(path, "short")
    assert.same({ nil, path .. ": not a pcapng file" }, { open() })
  end)

  it("looks through a long file, whose blocks are longer than what is read at once", function()
    local parts = { HEADER }
    for i = 1, 40 do
      parts[#parts + 1] = w:block(0x80000001, ("x"):rep(i * 7919)) .. w:packet("abc")
    end
    local whole = table.concat(parts)
    shell.write(path, whole)
    assert(assert(open()):close())
    assert.is_true(shell.read(path) == whole .. HEADER)
    shell.write(path, whole:sub(1, -5) .. "\0\0\0\1")
    assert.matches("is not whole", select(2, open()))
  end)

  it("has a classic dumper refuse a pcapng file", function()
    assert(assert(open()):close())
    local dumper = pcap.dumper { file = path, append = true, snaplen = 100 }
    assert.is_nil(dumper)
    assert.equal(HEADER, shell.read(path))
  end)
end)
