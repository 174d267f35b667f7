local ffi = require "ffi"
local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

ffi.cdef [[
  int luapcapspec_open(const char *path, int flags, ...) __asm__("open");
  int luapcapspec_close(int fd) __asm__("close");
  long luapcapspec_lseek(int fd, long offset, int whence) __asm__("lseek");
]]

local folder, remove_folder, path, bytes

local function packets(cap, message)
  local list = {}
  for data in assert(cap, message).next, cap do
    list[#list + 1] = data
  end
  return list
end

describe("A savefile", function()
  setup(function()
    folder, remove_folder = shell.folder()
    bytes = savefile.header() .. savefile.record "first" .. savefile.record "second"
      .. savefile.record(("x"):rep(5000))
    path = shell.write(folder .. "/three.pcap", bytes)
  end)
  teardown(function() remove_folder() end)

  local all = { "first", "second", ("x"):rep(5000) }

  it("is read through a descriptor, which stays open", function()
    local fd = ffi.C.luapcapspec_open(path, 0)
    assert.is_true(fd > 2)
    local cap = assert(pcap.open_offline(fd))
    assert.same(all, packets(cap))
    assert.equal("pcap capture (savefile descriptor " .. fd .. ")", tostring(cap))
    cap:close()
    assert.equal(0, ffi.C.luapcapspec_lseek(fd, 0, 0))
    assert.same(all, packets(pcap.open_offline(fd)))
    assert.equal(0, ffi.C.luapcapspec_close(fd))
  end)

  it("is read on after its descriptor was closed", function()
    local fd = ffi.C.luapcapspec_open(path, 0)
    local cap = assert(pcap.open_offline(fd))
    ffi.C.luapcapspec_close(fd)
    assert.same(all, packets(cap))
  end)

  it("is read through an open Lua file, which stays open", function()
    local file = assert(io.open(path, "rb"))
    local cap = assert(pcap.open_offline(file))
    assert.same(all, packets(cap))
    cap:close()
    assert.equal(#bytes, file:seek "end")
    file:close()
  end)

  it("is read from where the file stands, through libpcap and in blocks", function()
    local before = ("lines before\n"):rep(1000)
    for _, big in ipairs { false, true } do
      local text = savefile.header { big = big } .. savefile.record("in here", { big = big })
      local inner = shell.write(folder .. "/inner", before .. text)
      local file = assert(io.open(inner, "rb"))
      for _ = 1, 1000 do assert.equal("lines before", file:read "*l") end
      assert.same({ "in here" }, packets(pcap.open_offline(file)))
      file:close()
    end
  end)

  it("is read from a pipe that a Lua file is, with what that has read ahead", function()
    local file = io.popen("echo a line; cat " .. path)
    assert.equal("a line", file:read "*l")
    assert.same(all, packets(pcap.open_offline(file)))
    file:close()
  end)

  it("is read from a pipe with any pieces that its bytes come in", function()
    local file = io.popen(("head -c 3 %s; sleep 0.1; tail -c +4 %s | head -c 30; sleep 0.1; "
      .. "tail -c +34 %s"):format(path, path, path))
    assert.same(all, packets(pcap.open_offline(file)))
    file:close()
  end)

  it("that cannot be read has a name in the message", function()
    assert.same({ nil, "descriptor 999999: Bad file descriptor" }, { pcap.open_offline(999999) })
    local file = assert(io.open(shell.write(folder .. "/junk", "not a savefile, I fear")))
    local cap, message = pcap.open_offline(file)
    assert.is_nil(cap)
    assert.equal(tostring(file) .. ": unknown file format", message)
    file:close()
    misuse(function() pcap.open_offline(file) end,
      "bad argument #1 to 'open_offline' (string expected, got closed file)")
    misuse(function() pcap.open_offline(-1) end,
      "bad argument #1 to 'open_offline' (descriptor expected, got -1)")
    misuse(function() pcap.open_offline(1.5) end,
      "bad argument #1 to 'open_offline' (descriptor expected, got 1.5)")
  end)

  it("leaves no descriptor behind", function()
    collectgarbage()
    collectgarbage()
    local before = process.descriptors()
    local file = assert(io.open(path, "rb"))
    for _ = 1, 20 do
      file:seek "set"
      pcap.open_offline(file):close()
      pcap.open_offline(assert(io.open(shell.write(folder .. "/junk", "junk"))))
    end
    file:close()
    collectgarbage()
    collectgarbage()
    assert.is_true(process.descriptors() <= before)
  end)

  it("is written through an open Lua file, from where that stands", function()
    local file = assert(io.open(folder .. "/out", "wb"))
    file:write "before"
    local dumper = assert(pcap.open_dead():dump_open(file))
    assert.equal(6 + 24, dumper:tell())
    assert(dumper:dump("hello", 5))
    assert.equal(6 + 24 + 16 + 5, dumper:tell())
    assert(dumper:close())
    file:write "after"
    file:close()
    assert.equal("before" .. savefile.header() .. savefile.record("hello", { sec = 5 }) .. "after",
      shell.read(folder .. "/out"))
  end)

  it("is written through a descriptor, with one of its own", function()
    local fd = ffi.C.luapcapspec_open(folder .. "/out2", 1 + 64, ffi.cast("int", 384))
    assert.is_true(fd > 2)
    local dumper = assert(pcap.open_dead():dump_open(fd))
    assert.is_true(dumper:fileno() > 2 and dumper:fileno() ~= fd)
    ffi.C.luapcapspec_close(fd)
    assert(dumper:dump("hello", 5))
    assert(dumper:close())
    assert.equal(savefile.header() .. savefile.record("hello", { sec = 5 }),
      shell.read(folder .. "/out2"))
  end)

  it("is not written where that is impossible", function()
    local dead = pcap.open_dead()
    assert.same({ nil, "descriptor 999999: Bad file descriptor" }, { dead:dump_open(999999) })
    misuse(function() dead:dump_open(1, { append = true }) end,
      "bad argument #2 to 'dump_open' (option 'append' needs a path)")
    misuse(function() dead:dump_open("-", { append = true }) end, -- would close stdout
      "bad argument #2 to 'dump_open' (option 'append' needs a path)")
    misuse(function() dead:dump_open {} end,
      "bad argument #1 to 'dump_open' (string expected, got table)")
    local pipe = io.popen("cat >/dev/null", "w")
    local dumper = assert(dead:dump_open(pipe))
    local position, message = dumper:tell()
    assert.is_nil(position)
    assert.matches("[Ss]eek", message)
    dumper:close()
    pipe:close()
    misuse(function() dumper:tell() end,
      "calling 'tell' on bad self: pcap dumper has been closed")
  end)
end)
