local ffi = require "ffi"
local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

ffi.cdef [[
  int luapcapspec_open(const char *path, int flags, ...) __asm__("open");
  int luapcapspec_close(int fd) __asm__("close");
]]

local folder, remove, path
local bytes = savefile.header() .. savefile.record("one", { sec = 1 })

local READ = ": cannot be written while a capture is reading it"
local WRITTEN = ": cannot be written while another dumper is writing it"

-- Asserts that a dumper is refused with this message, and that the file is as it was.
local function refused(message, name, opened, said)
  assert.is_nil(opened)
  assert.equal(name .. message, said)
  assert.equal(bytes, shell.read(path))
end

-- Calls `try(place, name, options)` for all ways to one file.
local function each_way(try)
  shell.run("ln %s %s/hard && ln -s %s %s/soft", path, folder, path, folder)
  try(path, path)
  try(folder .. "/./in.pcap", folder .. "/./in.pcap")
  try(folder .. "/hard", folder .. "/hard")
  try(folder .. "/soft", folder .. "/soft")
  try(path, path, { append = true })
  try(folder .. "/hard", folder .. "/hard", { append = true })
  local fd = ffi.C.luapcapspec_open(path, 1)
  try(fd, "descriptor " .. fd)
  ffi.C.luapcapspec_close(fd)
  local file = assert(io.open(path, "r+b"))
  try(file, tostring(file))
  file:close()
end

describe("A file that a capture reads", function()
  before_each(function()
    folder, remove = shell.folder()
    path = shell.write(folder .. "/in.pcap", bytes)
  end)
  after_each(function() remove() end)

  it("is not opened to write, by whatever name or descriptor", function()
    local cap = assert(pcap.open_offline(path))
    each_way(function(place, name, opts)
      refused(READ, name, cap:dump_open(place, opts))
      refused(READ, name, pcap.open_dead():dump_open(place, opts))
      refused(READ, name, pcap.dumper { file = place, append = opts and true })
    end)
    assert.equal("one", (cap:next()))
    cap:close()
  end)

  it("is that file also if it is read through a descriptor, a Lua file, gzip or a link", function()
    shell.run("ln -s in.pcap %s/soft", folder)
    local file = assert(io.open(path, "rb"))
    local fd = ffi.C.luapcapspec_open(path, 0)
    for _, place in ipairs { folder .. "/soft", file, fd } do
      local cap = assert(pcap.open_offline(place))
      refused(READ, path, pcap.open_dead():dump_open(path))
      cap:close()
    end
    ffi.C.luapcapspec_close(fd)
    file:close()
    shell.run("gzip -c %s > %s/in.gz", path, folder)
    local packed = shell.read(folder .. "/in.gz")
    local cap = assert(pcap.open_offline(folder .. "/in.gz"))
    assert.is_nil((cap:dump_open(folder .. "/in.gz")))
    assert.equal(packed, shell.read(folder .. "/in.gz"))
    cap:close()
  end)

  it("is not written through stdout either, where that is the file that stdin is", function()
    local script = [[
      local pcap = require "pcap"
      local cap = assert(pcap.open_offline "-")
      io.stderr:write(tostring(select(2, cap:dump_open "-")), "\n")
    ]]
    for _, how in ipairs { ">>", "1<>" } do
      local output = process.lua(script,
        { redirect = ("< %s 2>&1 %s %s"):format(path, how, path) })
      assert.equal("-" .. READ .. "\n", output)
      assert.equal(bytes, shell.read(path))
    end
  end)

  it("is written again once all that read it are closed or garbage", function()
    local first, second = assert(pcap.open_offline(path)), assert(pcap.open_offline(path))
    assert.is_nil((pcap.open_dead():dump_open(path)))
    first:close()
    refused(READ, path, pcap.open_dead():dump_open(path))
    second:next()
    second = nil -- luacheck: ignore
    local dumper = assert(pcap.open_dead():dump_open(path))
    assert(dumper:close())
    assert.equal(savefile.header(), shell.read(path))
  end)

  it("is written again once others have read all of it, but not by a copy onto itself", function()
    local cap = assert(pcap.open_offline(path))
    cap:next()
    cap:next()
    refused(READ, path, cap:dump_open(path))
    local dumper = assert(pcap.open_dead():dump_open(path))
    assert(dumper:dump("two", 2):close())
    cap:close()
    assert.equal("two", (pcap.open_offline(path):next()))
  end)

  it("is not in use by a capture that could not be opened", function()
    shell.write(path, "no savefile at all, but long enough for a header")
    assert.is_nil((pcap.open_offline(path)))
    assert(assert(pcap.open_dead():dump_open(path)):close())
  end)

  it("is another than one that has taken its name since", function()
    local cap = assert(pcap.open_offline(path))
    shell.run("mv %s %s.old", path, path)
    local dumper = assert(cap:dump_open(path))
    for pkt in cap:packets() do
      assert(dumper:dump(pkt))
    end
    assert(dumper:close())
    assert.equal(bytes, shell.read(path))
  end)

  it("is no device: those are read and written at once", function()
    local output, status = process.lua([[
      local pcap = require "pcap"
      local cap = pcap.open_offline "/dev/null"
      assert(assert(pcap.open_dead():dump_open "/dev/null"):close())
    ]])
    assert.equal("", output)
    assert.equal(0, status)
  end)
end)

describe("A file that a dumper writes", function()
  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/in.pcap"
  end)
  after_each(function() remove() end)

  it("is not opened by a second one, by whatever name or descriptor", function()
    local dumper = assert(pcap.open_dead():dump_open(path))
    assert(dumper:dump("one", 1))
    assert(dumper:flush())
    each_way(function(place, name, opts)
      refused(WRITTEN, name, pcap.open_dead():dump_open(place, opts))
    end)
    assert(dumper:close())
    dumper = assert(pcap.open_dead():dump_open(path, { append = true }))
    refused(WRITTEN, path, pcap.open_dead():dump_open(path))
    assert(dumper:close())
  end)

  it("may be read meanwhile", function()
    local dumper = assert(pcap.open_dead():dump_open(path))
    local cap = assert(pcap.open_offline(path))
    assert(dumper:dump("one", 1):flush())
    assert.equal("one", (cap:next()))
    assert(dumper:close())
    cap:close()
  end)

  it("is complete before a dumper that was forgotten gives way to another", function()
    for i = 1, 5 do -- never closed
      assert(pcap.open_dead():dump_open(path)):dump(("x"):rep(i), 1)
    end
    assert(assert(pcap.open_dead():dump_open(path)):close())
    collectgarbage()
    collectgarbage()
    assert.equal(savefile.header(), shell.read(path))
  end)
end)
