local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local header, record = savefile.header, savefile.record

describe("pcap.dumper", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/out.pcap"
  end)
  after_each(function() remove() end)

  it("writes a savefile with no capture, of the kind that a dead one has by default", function()
    local dumper = assert(pcap.dumper { file = path })
    assert.equal(dumper, dumper:dump("abc", 1))
    assert.is_true(dumper:close())
    assert.equal(header() .. record("abc", { sec = 1 }), shell.read(path))
  end)

  it("takes a link type, a snapshot length and a precision", function()
    local dumper = assert(pcap.dumper {
      file = path, linktype = pcap.DLT.USER3, snaplen = 10, precision = "nano" })
    assert(dumper:dump("abc", 1.000000001))
    assert.is_nil((dumper:dump("longer than ten")))
    assert.is_true(dumper:close())
    assert.equal(header { magic = 0xa1b23c4d, snaplen = 10, linktype = 150 }
      .. record("abc", { sec = 1, fraction = 1 }), shell.read(path))
    assert(assert(pcap.dumper { file = path, snaplen = 0 }):close())
    assert.equal(header(), shell.read(path))
  end)

  it("adds to a file of the same kind", function()
    assert(assert(pcap.dumper { file = path, append = true }):dump("abc", 1):close())
    assert(assert(pcap.dumper { file = path, append = true }):dump("def", 2):close())
    local whole = header() .. record("abc", { sec = 1 }) .. record("def", { sec = 2 })
    assert.equal(whole, shell.read(path))
    local dumper, message = pcap.dumper { file = path, append = true, snaplen = 96 }
    assert.is_nil(dumper)
    assert.matches("^" .. path:gsub("%p", "%%%0") .. ": ", message)
    assert.equal(whole, shell.read(path))
  end)

  it("writes to a Lua file, and to stdout", function()
    local file = assert(io.open(path, "wb"))
    file:write "before "
    assert(assert(pcap.dumper { file = file }):close())
    file:close()
    assert.equal("before " .. header(), shell.read(path))
    assert.equal(header(), (process.lua [[assert(require("pcap").dumper { file = "-" }):close()]]))
  end)

  it("leaves to libpcap which link types have savefiles", function()
    shell.write(path, "precious")
    local dumper, message = pcap.dumper { file = path, linktype = 2 ^ 31 - 1 }
    assert.is_nil(dumper)
    assert.equal(select(2, pcap.open_dead(2 ^ 31 - 1):dump_open(path)), message)
    assert.equal("precious", shell.read(path))
  end)

  it("names the file that cannot be written", function()
    assert.same({ nil, folder .. "/no/x: No such file or directory" },
      { pcap.dumper { file = folder .. "/no/x" } })
  end)

  it("refuses misuse by name", function()
    misuse(function() pcap.dumper(path) end,
      "bad argument #1 to 'dumper' (table expected, got string)")
    misuse(function() pcap.dumper {} end,
      "bad argument #1 to 'dumper' (option 'file' is missing)")
    misuse(function() pcap.dumper { file = false } end, "bad argument #1 to 'dumper' "
      .. "(option 'file': path, descriptor or open Lua file expected, got false)")
    misuse(function() pcap.dumper { file = path, snaplen = -1 } end, "bad argument #1 to 'dumper' "
      .. "(option 'snaplen': integer from 0 to 2147483647 expected, got -1)")
    misuse(function() pcap.dumper { file = path, name = "x" } end,
      "bad argument #1 to 'dumper' (unknown option 'name')")
    misuse(function() pcap.dumper { file = "-", append = true } end,
      "bad argument #1 to 'dumper' (option 'append' needs a path)")
    assert.is_nil(io.open(path))
  end)
end)

describe("dump_open", function()
  it("keeps what a savefile's header has beside the link type", function()
    local folder, remove = shell.folder()
    finally(remove)
    local bytes = header { linktype = 0xf4000001 } .. record("abc", { sec = 1 })
    local cap = assert(pcap.open_offline(shell.write(folder .. "/in", bytes)))
    local dumper = assert(cap:dump_open(folder .. "/out"))
    assert(dumper:dump(cap:next_packet()))
    assert(dumper:close())
    assert.equal(bytes, shell.read(folder .. "/out"))
  end)
end)
