local pcap = require "pcap"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

describe("A dumper on a full disk", function()
  local FULL = "/dev/full: No space left on device"

  local function full()
    return assert(pcap.open_dead():dump_open("/dev/full"))
  end

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
    assert.same({ nil, FULL }, { dumper:close() })
    assert.is_true(dumper:close())
    assert.equal("pcap dumper (/dev/full, closed)", tostring(dumper))
  end)

  it("is silent when it is collected", function()
    local output, status = process.lua [[
      local dumper = require("pcap").open_dead():dump_open("/dev/full")
      dumper:dump("abc", 1)
      dumper = nil
      collectgarbage()
      collectgarbage()
    ]]
    assert.equal("", output)
    assert.equal(0, status)
  end)

  it("is not written on once there is room again, for a packet is missing", function()
    local folder, remove = shell.folder()
    finally(remove)
    local path = folder .. "/out.pcap"
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
