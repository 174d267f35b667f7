local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

describe("Closing a dumper", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/out.pcap"
  end)
  after_each(function() remove() end)

  -- With a quota or NFS the system takes every write, and tells at close(2) that not all of them
  -- reached the file. strace gives that answer in the system's place.
  local WAYS = {
    ["a path"] = "dump_open(PATH)",
    ["a path to add to"] = "dump_open(PATH, { append = true })",
    ["a Lua file"] = "dump_open(assert(io.open(PATH, 'wb')))",
    ["a descriptor"] = "dump_open(3)",
    ["stdout"] = "dump_open '-'",
  }
  for what, way in pairs(WAYS) do
    it("tells that close(2) failed: " .. what, function()
      if not shell.has "strace" then return pending("needs strace") end
      shell.write(path, savefile.header())
      local output, status = process.lua(([[
        local PATH = %q
        local dumper = assert(require("pcap").open_dead():%s)
        assert(dumper:dump("abc", 1) and dumper:flush())
        local closed, message = dumper:close()
        io.stderr:write(tostring(closed), ", ", tostring(message), "\n")
        assert(dumper:close() == true and tostring(dumper):find "closed")
      ]]):format(path, way), {
        prefix = ("strace -f -qq -o %s/trace -P %s -e trace=close -e inject=close:error=EDQUOT")
          :format(folder, path),
        redirect = ("3>>%s 2>&1 >>%s"):format(path, path),
      })
      assert.equal(0, status, output)
      assert.matches("^nil, .*: Disk quota exceeded\n$", output)
    end)
  end

  it("leaves nothing of a dumper to a process that forks from this one but its buffer", function()
    local output, status = process.lua(([[
      local ffi = require "ffi"
      ffi.cdef "int fork(void); int waitpid(int, int *, int);"
      local dumper = assert(require("pcap").open_dead():dump_open(%q))
      if ffi.C.fork() == 0 then os.exit(0, true) end
      ffi.C.waitpid(-1, nil, 0)
      assert(dumper:dump("abc", 1) and dumper:flush())
      if ffi.C.fork() == 0 then os.exit(0, true) end
      ffi.C.waitpid(-1, nil, 0)
      assert(dumper:close())
    ]]):format(path))
    assert.equal("", output)
    assert.equal(0, status)
    assert.equal(savefile.header() .. savefile.record("abc", { sec = 1 }), shell.read(path))
  end)

  it("is not needed for a reader to find the header", function()
    local dumper = assert(pcap.open_dead():dump_open(path))
    assert.equal(savefile.header(), shell.read(path))
    assert.same({ nil, "closed" }, { assert(pcap.open_offline(path)):next() })
    dumper:close()
  end)

  it("is done before the pipe of a Lua file is, which waits for its program", function()
    local output, status = process.lua(([[
      local dumper = assert(require("pcap").open_dead():dump_open(io.popen("cat > %s", "w")))
      collectgarbage()
      collectgarbage()
      assert(dumper:dump("abc", 1))
      dumper = nil
      for _ = 1, 4 do collectgarbage() end
    ]]):format(path), { prefix = "timeout 20" })
    assert.equal("", output)
    assert.equal(0, status)
    assert.equal(savefile.header() .. savefile.record("abc", { sec = 1 }), shell.read(path))
  end)

  it("is not needed where the program exits", function()
    for _, ending in ipairs { "os.exit(0)", "os.exit(0, true)", "" } do
      assert.same({ "", 0 }, { process.lua(([[
        dumper = assert(require("pcap").open_dead():dump_open(%q))
        assert(dumper:dump("abc", 1))
        %s
      ]]):format(path, ending)) })
      assert.equal(savefile.header() .. savefile.record("abc", { sec = 1 }), shell.read(path))
    end
  end)
end)
