-- Dumpers onto a function and into memory, and packing while writing.

local ffi = require "ffi"
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

describe("A dumper onto a function", function()
  local pieces

  before_each(function() pieces = {} end)

  local function write(pointer, length)
    assert.is_true(ffi.istype("const uint8_t *", pointer))
    pieces[#pieces + 1] = ffi.string(pointer, length)
  end

  -- What a number of packets of 1000 bytes are in a file.
  local function whole(count)
    local parts = { header() }
    for i = 1, count do
      parts[i + 1] = record(packet(i), { sec = i })
    end
    return table.concat(parts)
  end

  local function dump(dumper, count)
    for i = 1, count do
      assert.equal(dumper, dumper:dump(packet(i), i))
    end
  end

  it("gives it the savefile in pieces, and the rest at close", function()
    local dumper = assert(pcap.dumper { write = write })
    dump(dumper, 200)
    assert.is_true(#pieces >= 3, #pieces)
    assert.is_true(#pieces < 10, #pieces)
    assert.equal(#whole(200), dumper:tell())
    assert.is_true(dumper:close())
    assert.is_true(dumper:close())
    assert.equal(whole(200), table.concat(pieces))
  end)

  it("gives it what there is at flush, once", function()
    local dumper = assert(pcap.dumper { write = write })
    assert.equal(dumper, dumper:flush())
    assert.same({ header() }, pieces)
    assert(dumper:dump("abc", 1))
    assert.equal(1, #pieces)
    assert(dumper:flush())
    assert(dumper:flush())
    assert.same({ header(), record("abc", { sec = 1 }) }, pieces)
  end)

  it("writes pcapng of a capture, with what the capture knows", function()
    local cap = assert(pcap.open_dead(pcap.DLT.RAW, 100))
    local dumper = assert(cap:dump_open(write, { format = "pcapng" }))
    assert(dumper:dump("\69abc", 1, 4, { comment = "mine" }))
    assert(dumper:add_names { address = "192.0.2.1", names = { "example.org" } })
    assert.is_true(dumper:close())
    local reader = assert(pcap.reader())
    reader:feed(table.concat(pieces))
    assert.equal("mine", reader:next_packet():comment())
    assert.equal(pcap.DLT.RAW, reader:capture():datalink())
  end)

  it("tells why the function failed, and stays so", function()
    local calls = 0
    local dumper = assert(pcap.dumper { write = function()
      calls = calls + 1
      return nil, "client gone"
    end })
    for _ = 1, 2 do
      assert.same({ nil, "function: client gone" }, { dumper:flush() })
      assert.same({ nil, "function: client gone" }, { dumper:dump("abc", 1) })
    end
    assert.same({ nil, "function: client gone" }, { dumper:close() })
    assert.equal(1, calls)
  end)

  it("passes on an error that the function raises, and stays failed", function()
    local dumper = assert(pcap.dumper { write = function() error({ "mine" }) end })
    local _, raised = pcall(dumper.flush, dumper)
    assert.same({ "mine" }, raised)
    dumper = assert(pcap.dumper { write = function() error "mine" end })
    assert.matches("stream_spec.lua:%d+: mine$", select(2, pcall(dumper.flush, dumper)))
    assert.matches("mine$", select(2, dumper:dump("abc", 1)))
    assert.is_nil((dumper:close()))
  end)

  it("tells at close that the function has not returned", function()
    local dumper = assert(pcap.dumper { write = function() coroutine.yield() end })
    coroutine.wrap(function() dumper:flush() end)()
    assert(dumper:dump("abc", 1))
    assert.same({ nil, "function: its function has not returned" }, { dumper:close() })
  end)

  it("may be closed by its function, whose bytes stay valid", function()
    local dumper
    dumper = assert(pcap.dumper { write = function(pointer, length)
      local before = ffi.string(pointer, length)
      assert.same({ nil, "function: its function has not returned" }, { dumper:close() })
      assert.equal(before, ffi.string(pointer, length))
      pieces[#pieces + 1] = before
    end })
    assert.same({ nil, "function: its function has closed the dumper" },
      { (function()
        for i = 1, 200 do
          local done, message = dumper:dump(packet(i), i)
          if not done then
            return nil, message
          end
        end
      end)() })
    assert.equal(1, #pieces)
    assert.is_true(dumper:close())
  end)

  it("may be closed by one thread while its function waits in another", function()
    local dumper = assert(pcap.dumper { write = function() coroutine.yield() end })
    local thread = coroutine.create(function() return dumper:flush() end)
    assert(coroutine.resume(thread))
    assert.same({ nil, "function: its function has not returned" }, { dumper:close() })
    assert.same({ true, nil, "function: its function has closed the dumper" },
      { coroutine.resume(thread) })
  end)

  it("takes every other result for success", function()
    for _, result in ipairs { { n = 0 }, { nil, n = 1 }, { false, n = 1 }, { 1, "note", n = 2 } } do
      local dumper = assert(pcap.dumper { write = function()
        return unpack(result, 1, result.n)
      end })
      assert.equal(dumper, dumper:flush())
      assert.is_true(dumper:close())
    end
  end)

  it("keeps what comes while the function yields, up to its limit, and loses no order", function()
    local dumper = assert(pcap.dumper { limit = 150000, write = function(pointer, length)
      local piece = ffi.string(pointer, length)
      coroutine.yield()
      pieces[#pieces + 1] = piece
    end })
    local slow = coroutine.wrap(function()
      for i = 1, 70 do
        assert(dumper:dump(packet(i), i))
      end
      return "done"
    end)
    assert.is_nil((slow())) -- waits within the function
    local count = 0
    local refused
    repeat
      local done, message = dumper:dump(packet(count), count)
      count = count + (done and 1 or 0)
      refused = not done and message
    until refused
    assert.matches("^function: no room: %d+ bytes wait in memory, and the limit is 150000$",
      refused)
    assert.equal(math.floor((150000 - 64) / 1016) - 1, count) -- the other thread's first is there
    repeat until slow() == "done"
    local finish = coroutine.wrap(function() return assert(dumper:close()) end)
    repeat until finish()
    local reader, seen = assert(pcap.reader()), 0
    reader:feed(table.concat(pieces))
    for pkt in reader:packets() do
      assert.equal(1000, pkt.caplen)
      seen = seen + 1
    end
    assert.equal(#table.concat(pieces), 24 + seen * 1016)
    assert.equal(70 + count, seen)
  end)

  local function packs(program, level)
    local path = shell.file()
    finally(function() os.remove(path) end)
    local dumper = assert(pcap.dumper { write = write, compress = program, level = level })
    dump(dumper, 100)
    assert(dumper:flush()) -- a reader has all of it by now
    shell.write(path, table.concat(pieces))
    assert.equal(whole(100), (shell.try(program .. " -dcq < %s 2>/dev/null", path)))
    dump(dumper, 100)
    assert.is_true(dumper:close())
    shell.write(path, table.concat(pieces))
    assert.equal(whole(100) .. whole(100):sub(25), shell.run(program .. " -dc < %s", path))
    assert.is_true(#table.concat(pieces) < 20000)
  end

  it("packs the savefile with gzip", function()
    shell.needs_zlib()
    packs("gzip", 9)
  end)

  it("packs the savefile with zstd", function()
    shell.needs_zstd()
    packs("zstd", 19)
  end)
end)

describe("A dumper into memory", function()
  it("gives its bytes, and each only once", function()
    local dumper = assert(pcap.dumper { memory = true })
    assert.equal(header(), dumper:take())
    assert(dumper:dump("abc", 1))
    assert.equal(record("abc", { sec = 1 }), dumper:take())
    assert.equal("", dumper:take())
    assert(dumper:dump("def", 2))
    assert.equal(-1, dumper:fileno())
    assert.is_true(dumper:close())
    assert.equal(record("def", { sec = 2 }), dumper:take())
    assert.equal("", dumper:take())
    assert.equal("pcap dumper (memory, closed)", tostring(dumper))
  end)

  it("refuses packets for which there is no room, and its file stays valid", function()
    local dumper, count = assert(pcap.dumper { memory = true, limit = 1000 }), 0
    local done, message
    repeat
      done, message = dumper:dump(("x"):rep(84), 1)
      count = count + (done and 1 or 0)
    until not done
    assert.equal("memory: no room: 924 bytes wait in memory, and the limit is 1000", message)
    assert.equal(9, count)
    assert.equal(header() .. record(("x"):rep(84), { sec = 1 }):rep(9), dumper:take())
    assert(dumper:dump(("x"):rep(84), 1))
    assert.is_true(dumper:close())
    assert.equal(record(("x"):rep(84), { sec = 1 }), dumper:take())
  end)

  it("holds no more memory than what it holds of packets", function()
    local dumper = assert(pcap.dumper { memory = true })
    local before
    for i = 1, 40 do
      for _ = 1, 1000 do
        assert(dumper:dump(("x"):rep(1000), 1))
      end
      assert.is_true(#dumper:take() >= 1016000)
      collectgarbage()
      before = before or i == 10 and process.resident()
    end
    assert.is_true(process.resident() - before < 8 * 2 ^ 20)
  end)

  it("has every method of a dumper, and files have theirs", function()
    local path = shell.file()
    finally(function() os.remove(path) end)
    local dumper = assert(pcap.dumper { file = path })
    assert.equal(dumper, dumper:tick())
    assert.same({ nil, path .. ": only a dumper into memory has bytes to take" }, { dumper:take() })
    assert.same({ nil, "function: its bytes go to the function" },
      { assert(pcap.dumper { write = print }):take() })
    dumper = assert(pcap.dumper { memory = true })
    assert.equal(dumper, dumper:flush())
    assert.same({ nil, "memory: classic pcap has no comments" }, { dumper:comment "x" })
  end)

  it("refuses misuse by name", function()
    local function refused(opts, problem)
      misuse(function() local _ = pcap.dumper(opts) end,
        "bad argument #1 to 'dumper' (" .. problem .. ")")
    end
    refused({ memory = true, write = print },
      "options 'file', 'write' and 'memory' exclude each other")
    refused({ file = "x", write = print },
      "options 'file', 'write' and 'memory' exclude each other")
    refused({ memory = false }, "option 'memory': true expected, got false")
    refused({ write = "x" }, "option 'write': function expected, got \"x\"")
    refused({ file = "x", limit = 1 }, "option 'limit' needs a function, memory or a thread")
    refused({ memory = true, append = true }, "option 'append' needs a path")
    refused({ memory = true, rotate = { packets = 1 } }, "option 'rotate' needs a path")
    refused({ file = "x", level = 1 }, "option 'level' needs 'compress'")
    refused({ file = "x", compress = "lzma" },
      "option 'compress': \"gzip\" or \"zstd\" expected, got \"lzma\"")
    refused({ file = "x", compress = "gzip", level = 10 },
      "option 'level': integer from 1 to 9 expected with gzip, got 10")
    refused({ file = "x", compress = "zstd", level = 23 },
      "option 'level': integer from 1 to 22 expected, got 23")
    refused({ file = "x", compress = "gzip", append = true },
      "option 'append' does not go with 'compress'")
  end)
end)

describe("A dumper that packs", function()
  local folder, remove

  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  -- Whether the program of the compression, tshark, capinfos and the module read what is written.
  local function writes(format, program, ending, level)
    local path = folder .. "/" .. format .. ending
    local dumper = assert(pcap.dumper { file = path, format = format, compress = program,
      level = level })
    if format == "pcapng" then
      assert(dumper:comment "in the header, which is not rewritten here")
    end
    for i = 1, 5000 do
      assert(dumper:dump(("%060d"):format(i), i))
    end
    assert.is_true(dumper:tell() > 5000 * 76)
    assert.is_true(dumper:close())
    shell.run(program .. " -tq %s", path)
    assert.is_true(#shell.read(path) < 100000)
    assert.equal("5000\n", shell.run("tshark -r %s 2>/dev/null | wc -l", path))
    assert.matches("Number of packets:%s+5000\n", shell.run("capinfos -Mc %s", path))
    local count = 0
    for pkt in assert(pcap.open_offline(path)):packets() do
      count = count + 1
      assert.equal(count, pkt.sec)
    end
    assert.equal(5000, count)
  end

  it("writes gzip that others read, of both formats", function()
    shell.needs_zlib()
    for _, format in ipairs { "pcap", "pcapng" } do
      for _, level in ipairs { 1, 9 } do
        writes(format, "gzip", ".gz", level)
      end
    end
  end)

  it("writes zstd that others read, of both formats", function()
    shell.needs_zstd()
    for _, format in ipairs { "pcap", "pcapng" } do
      for _, level in ipairs { 1, 3, 19 } do
        writes(format, "zstd", ".zst", level)
      end
    end
    -- A checksum, as zstd writes it.
    assert.matches("Check: XXH64", shell.run("zstd -lv %s 2>&1", folder .. "/pcap.zst"))
  end)

  it("says that zlib is missing, and makes no file", function()
    shell.needs_zlib()
    local output = process.lua [[
      local path = os.tmpname()
      os.remove(path)
      local pcap = require "pcap"
      local ffi = require "ffi"
      ffi.cdef "int setrlimit(int, const unsigned long *);"
      collectgarbage()
      assert(ffi.C.setrlimit(7, ffi.new("unsigned long[2]", 4, 4)) == 0)
      print(pcap.dumper { file = path, compress = "gzip" })
      assert(not io.open(path))]]
    assert.matches("^nil\t/%S+: zlib, which packs gzip, cannot be loaded: Too many open files\n$",
      output)
  end)
end)
