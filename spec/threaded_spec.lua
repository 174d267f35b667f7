-- A dumper whose bytes a thread writes.

local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local header, record = savefile.header, savefile.record

-- A packet of 1000 bytes.
local function packet(number)
  return ("%08d"):format(number):rep(125)
end

local function whole(count)
  local parts = { header() }
  for i = 1, count do
    parts[i + 1] = record(packet(i), { sec = i })
  end
  return table.concat(parts)
end

describe("A dumper with a thread", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/out.pcap"
  end)
  after_each(function() remove() end)

  local function threads()
    return tonumber(shell.read("/proc/self/status"):match "Threads:%s*(%d+)")
  end

  it("writes the same file, and its thread ends with it", function()
    local before = jit.os == "Linux" and threads()
    local dumper = assert(pcap.dumper { file = path, thread = true })
    for i = 1, 500 do
      assert.equal(dumper, dumper:dump(packet(i), i))
    end
    assert.equal(#whole(500), dumper:tell())
    assert.equal(dumper, dumper:flush())
    assert.is_true(not before or threads() == before + 1)
    assert.is_true(dumper:close())
    assert.equal(whole(500), shell.read(path))
    assert.is_true(not before or threads() == before)
    dumper = assert(pcap.dumper { file = path, thread = true })
    assert(dumper:dump("abc", 1))
    dumper = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.equal(header() .. record("abc", { sec = 1 }), shell.read(path))
  end)

  it("does not wait for what is slow; beyond its limit it refuses packets whole", function()
    local pipe = io.popen(("sleep 1; cat > %s"):format(shell.quote(path)), "w")
    local dumper = assert(pcap.dumper { file = pipe, thread = true, limit = 2 ^ 20 })
    local count, from = 0, os.time()
    local refused
    repeat
      local done, message = dumper:dump(packet(count + 1), count + 1)
      count = count + (done and 1 or 0)
      refused = not done and message
    until refused
    assert.matches(": no room: %d+ bytes wait to be written, and the limit is 1048576$", refused)
    assert.is_true(count > 1000 and count < 1300, count) -- the pipe and stdio's buffer hold some
    assert.is_true(os.time() - from < 2)
    assert.is_true(dumper:close())
    pipe:close()
    assert.equal(whole(count), shell.read(path))
  end)

  it("tells that a write has failed", function()
    local output = process.lua([[
      local ffi = require "ffi"
      ffi.cdef "int dup2(int, int); int open(const char *, int, ...);"
      local pcap = require "pcap"
      local dumper = assert(pcap.dumper { file = arg[1], thread = true })
      ffi.C.dup2(ffi.C.open("/dev/full", 1), dumper:fileno())
      assert(dumper:dump("abc", 1))
      dumper:flush()
      local done, message
      repeat
        done, message = dumper:dump(("x"):rep(60000), 1)
      until not done
      print(message)
      print(dumper:close())]], { redirect = path })
    local FULL = path .. ": No space left on device\n"
    assert.equal(FULL .. "nil\t" .. FULL, output)
  end)

  it("packs and rotates, of both formats, as tshark reads it", function()
    shell.needs_zlib()
    shell.needs_zstd()
    local PROGRAMS = { pcap = "gzip", pcapng = "zstd" }
    local complete = {}
    for _, format in ipairs { "pcap", "pcapng" } do
      local dumper = assert(pcap.dumper { file = folder .. "/%i." .. format, format = format,
        thread = true, compress = PROGRAMS[format], rotate = { packets = 400,
          on_close = function(name) complete[#complete + 1] = name end } })
      if format == "pcapng" then
        assert(dumper:comment "in the header, or in a section behind it")
      end
      for i = 1, 1000 do
        assert(dumper:dump(packet(i), i))
      end
      assert.is_true(dumper:close())
    end
    assert.equal(6, #complete)
    for i, name in ipairs(complete) do
      assert.equal((i % 3 == 0 and 200 or 400) .. "\n",
        shell.run("tshark -r %s 2>/dev/null | wc -l", name))
    end
  end)

  it("goes on in a process that forks; the child has no thread", function()
    local output = process.lua(([[
      local ffi = require "ffi"
      ffi.cdef "int fork(void); void _exit(int); int waitpid(int, int *, int);"
      local dumper = assert(require("pcap").dumper { file = %q, thread = true })
      assert(dumper:dump("abc", 1))
      local child = ffi.C.fork()
      if child == 0 then
        dumper:close()
        ffi.C._exit(0)
      end
      ffi.C.waitpid(child, nil, 0)
      assert(dumper:dump("def", 2))
      print(dumper:close())
    ]]):format(path), { prefix = "timeout 20" })
    assert.equal("true\n", output)
    assert.equal(header() .. record("abc", { sec = 1 }) .. record("def", { sec = 2 }),
      shell.read(path))
  end)

  it("refuses misuse by name", function()
    misuse(function() local _ = pcap.dumper { memory = true, thread = true } end,
      "bad argument #1 to 'dumper' (option 'thread' needs a file)")
  end)
end)
