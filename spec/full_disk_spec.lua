local ffi = require "ffi"
local pcap = require "pcap"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

ffi.cdef [[
  int luapcapspec_open(const char *path, int flags, ...) __asm__("open");
  int luapcapspec_close(int fd) __asm__("close");
  int luapcapspec_dup2(int from, int to) __asm__("dup2");
]]

describe("A dumper on a full disk", function()
  local folder, remove, path, FULL

  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/out.pcap"
    FULL = path .. ": No space left on device"
  end)
  after_each(function() remove() end)

  -- A dumper whose disk is full from here on: its descriptor becomes one of /dev/full.
  local function full()
    local dumper = assert(pcap.open_dead():dump_open(path))
    local device = ffi.C.luapcapspec_open("/dev/full", 1)
    assert(device >= 0 and ffi.C.luapcapspec_dup2(device, dumper:fileno()) >= 0)
    ffi.C.luapcapspec_close(device)
    return dumper
  end

  it("is not opened, for its header does not fit", function()
    assert.same({ nil, "/dev/full: No space left on device" },
      { pcap.open_dead():dump_open("/dev/full") })
    local file = io.open("/dev/full", "wb")
    assert.same({ nil, tostring(file) .. ": No space left on device" },
      { pcap.open_dead():dump_open(file) })
    file:close()
    local output = process.lua([[
      io.stderr:write(select(2, require("pcap").open_dead():dump_open("-")), "\n")
    ]], { redirect = "2>&1 >/dev/full" })
    assert.equal("-: No space left on device\n", output)
  end)

  it("has no position any more once a write has failed", function()
    local dumper = full()
    assert.equal(24, dumper:tell())
    assert(dumper:dump("abc", 1))
    assert.equal(24 + 16 + 3, dumper:tell())
    dumper:flush()
    assert.same({ nil, FULL }, { dumper:tell() })
    assert.same({ nil, FULL }, { dumper:close() })
  end)

  it("tells it at dump, once the buffer is full, and from then on", function()
    local dumper, failed = full(), nil
    for _ = 1, 10 do
      local done, message = dumper:dump(("x"):rep(60000), 1)
      if not done then
        failed = message
        break
      end
    end
    assert.equal(FULL, failed)
    assert.same({ nil, FULL }, { dumper:dump("x", 1) })
    assert.same({ nil, FULL }, { dumper:flush() })
    assert.same({ nil, FULL }, { dumper:close() })
  end)

  it("tells it at flush, again at each flush, and at close", function()
    local dumper = full()
    assert.equal(dumper, dumper:dump("abc", 1))
    assert.same({ nil, FULL }, { dumper:flush() })
    assert.same({ nil, FULL }, { dumper:flush() })
    assert.same({ nil, FULL }, { dumper:dump("abc", 1) })
    assert.same({ nil, FULL }, { dumper:close() })
  end)

  it("tells it at close, after which the dumper is closed all the same", function()
    local dumper = full()
    dumper:dump("abc", 1)
    assert.same({ nil, FULL }, { dumper:close() })
    assert.is_true(dumper:close())
    assert.equal("pcap dumper (" .. path .. ", closed)", tostring(dumper))
  end)

  it("is silent when it is collected", function()
    local output, status = process.lua(([[
      local ffi = require "ffi"
      ffi.cdef "int dup2(int, int);"
      local dumper = require("pcap").open_dead():dump_open(%q)
      ffi.C.dup2(3, dumper:fileno())
      dumper:dump("abc", 1)
      dumper = nil
      collectgarbage()
      collectgarbage()
    ]]):format(path), { redirect = "3>/dev/full" })
    assert.equal("", output)
    assert.equal(0, status)
  end)

  it("is not written on once there is room again, for a packet is missing", function()
    -- A limit on the size of files is a disk that gets full and then has room again.
    local output, status = process.lua(([[
      local ffi = require "ffi"
      ffi.cdef "int setrlimit(int, const unsigned long *);"
      local FSIZE = 1
      local dumper = require("pcap").open_dead():dump_open(%q)
      assert(dumper:dump("before", 1) and dumper:flush())
      local size = io.open(%q):seek "end"
      assert(ffi.C.setrlimit(FSIZE, ffi.new("unsigned long[2]", size + 10, -1)) == 0)
      dumper:dump("lost", 1)
      print(select(2, dumper:flush()))
      assert(ffi.C.setrlimit(FSIZE, ffi.new("unsigned long[2]", -1, -1)) == 0)
      print(select(2, dumper:dump("after", 1)))
      print(select(2, dumper:flush()))
      print(select(2, dumper:close()))
    ]]):format(path, path), { prefix = "trap '' XFSZ;" })
    assert.equal((path .. ": File too large\n"):rep(4), output)
    assert.equal(0, status)
    assert.falsy(shell.read(path):find("after", 1, true))
  end)
end)
