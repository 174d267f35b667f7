-- The flight recorder: what it saves is exactly the end of what it was given.

local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local header, record = savefile.header, savefile.record
local AROUND = 48

describe("A flight recorder", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/out.pcap"
  end)
  after_each(function() remove() end)

  -- The numbers of the packets in a recorder, whose bytes begin with them.
  local function saved(recorder)
    local dumper = assert(pcap.dumper { memory = true, snaplen = 262144 })
    local count = assert(recorder:save(dumper))
    assert.is_true(dumper:close())
    local reader, numbers = assert(pcap.reader()), {}
    assert(reader:feed(dumper:take()))
    for pkt in reader:packets() do
      numbers[#numbers + 1] = tonumber(pkt:bytes(1, 8))
    end
    assert.equal(count, #numbers)
    return numbers
  end

  local function bytes(number, size)
    return ("%08d"):format(number) .. ("x"):rep(size - 8)
  end

  it("saves the packets of the last seconds, to the nanosecond", function()
    local recorder = assert(pcap.recorder { seconds = 10 })
    for i = 1, 100 do
      assert.equal(recorder, recorder:dump(bytes(i, 60), i))
    end
    assert.equal(11, recorder:save(path))
    local parts = { header { magic = 0xa1b23c4d, snaplen = 262144 } }
    for i = 90, 100 do
      parts[#parts + 1] = record(bytes(i, 60), { sec = i })
    end
    assert.equal(table.concat(parts), shell.read(path))
    assert.equal("11\n", shell.run("tshark -r %s 2>/dev/null | wc -l", path))
    assert(recorder:dump(bytes(101, 60), 100.000000001))
    assert.same({ 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101 }, saved(recorder))
  end)

  it("saves again, with what came since", function()
    local recorder = assert(pcap.recorder { bytes = 4000 })
    for i = 1, 10 do
      assert(recorder:dump(bytes(i, 64), i))
    end
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, saved(recorder))
    assert(recorder:dump(bytes(11, 64), 11))
    assert.equal(11, #saved(recorder))
    assert.same({ packets = 11, bytes = 11 * (64 + AROUND) }, recorder:stats())
  end)

  it("has the newest packets that go into its bytes", function()
    local recorder = assert(pcap.recorder { bytes = 10 * (64 + AROUND) })
    for i = 1, 1000 do
      assert(recorder:dump(bytes(i, 64), i))
    end
    assert.same({ 991, 992, 993, 994, 995, 996, 997, 998, 999, 1000 }, saved(recorder))
    recorder = assert(pcap.recorder { bytes = AROUND + 504 })
    assert(recorder:dump(bytes(1, 500), 1))
    assert(recorder:dump(bytes(2, 8), 2))
    assert.same({ 2 }, saved(recorder))
    assert.same({ nil, "pcap recorder: packet of 600 bytes does not go into 552 bytes" },
      { recorder:dump(("x"):rep(600)) })
    assert.same({ 2 }, saved(recorder))
  end)

  -- Random sizes, limits and times of saving, against a list in Lua.
  it("has at any time what a list would have, less what its memory cannot hold", function()
    math.randomseed(7)
    for round = 1, 30 do
      local limit = math.random(1500, 20000)
      local recorder, sizes, first = assert(pcap.recorder { bytes = limit }), {}, 1
      for i = 1, 400 do
        local size = math.random(1, 8) == 1 and math.random(8, 1400) or math.random(8, 100)
        assert(recorder:dump(bytes(i, size), i))
        sizes[i] = AROUND + math.ceil(size / 8) * 8
        if math.random(1, 40) == 1 then
          local numbers, used = saved(recorder), 0
          assert.is_true(numbers[1] >= first)
          first = numbers[1]
          for k, number in ipairs(numbers) do
            assert.equal(first + k - 1, number)
            used = used + sizes[number]
          end
          assert.equal(i, numbers[#numbers])
          assert.equal(used, recorder:stats().bytes)
          assert.is_true(used <= limit)
          -- At the memory's end there may be a gap, smaller than the packet that did not fit there.
          assert.is_true(first == 1 or used + sizes[first - 1] + 1448 > limit, round)
        end
      end
    end
  end)

  it("saves exactly those that were there, while packets keep coming", function()
    math.randomseed(11)
    for _ = 1, 20 do
      local limit = math.random(3000, 20000)
      local recorder = assert(pcap.recorder { bytes = limit })
      local last = 0
      local function add(count)
        for _ = 1, count do
          local done, message = recorder:dump(bytes(last + 1, math.random(8, 200)), last)
          if not done then
            return message
          end
          last = last + 1
        end
      end
      assert.is_nil(add(300))
      local before = saved(recorder)
      local numbers, at_start = {}, last
      local reader = assert(pcap.reader())
      local dumper = assert(pcap.dumper { snaplen = 262144, write = function(pointer, length)
        reader:feed(require("ffi").string(pointer, length))
        coroutine.yield()
      end })
      local save = coroutine.wrap(function()
        local count = assert(recorder:save(dumper))
        assert(dumper:close())
        return count
      end)
      assert.is_nil((save())) -- the header; the first packet waits behind it
      -- So many that they fit in beside those that are being saved.
      while recorder:stats().bytes < 1.5 * limit do
        assert.is_nil(add(1))
      end
      local meanwhile = saved(recorder)
      assert.equal(last, meanwhile[#meanwhile])
      local count
      repeat count = save() until count
      for pkt in reader:packets() do
        numbers[#numbers + 1] = tonumber(pkt:bytes(1, 8))
      end
      assert.same(before, numbers)
      assert.equal(at_start, numbers[#numbers])
      assert.is_nil(add(50))
      assert.is_true(recorder:stats().bytes <= limit)
      local after = saved(recorder)
      assert.equal(last, after[#after])
    end
  end)

  it("goes on recording when a save is too slow, ends badly or never ends", function()
    local recorder = assert(pcap.recorder { bytes = 10000 })
    local function fill(from)
      for i = from, from + 999 do
        assert(recorder:dump(bytes(i, 60), i))
        assert.is_true(recorder:stats().bytes <= 20000)
      end
    end
    fill(1)
    local function slow_dumper()
      return assert(pcap.dumper { snaplen = 262144, write = function() coroutine.yield() end })
    end
    local save = coroutine.wrap(function() return recorder:save(slow_dumper()) end)
    assert.is_nil((save()))
    fill(1001)
    assert.same({ nil, "pcap recorder: too many packets came while it was being saved" },
      { save() })
    save = coroutine.wrap(function() return recorder:save(slow_dumper()) end)
    save()
    local closed = assert(pcap.dumper { memory = true })
    closed:close()
    assert.is_false((pcall(recorder.save, recorder, closed)))
    save = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    fill(2001)
    assert.is_true(recorder:stats().bytes <= 10000)
    assert.equal(3000, select(-1, unpack(saved(recorder))))
    save = coroutine.wrap(function() return recorder:save(slow_dumper()) end)
    save()
    recorder:close()
    assert.same({ nil, "pcap recorder: has been closed while it was being saved" }, { save() })
  end)

  it("grows with what comes, no further than its bytes, and frees them", function()
    -- In a process that has freed nothing before.
    local output = process.lua [[
      local pcap = require "pcap"
      local function resident()
        local file = assert(io.open "/proc/self/status")
        local kilobytes = file:read "*a":match "VmRSS:%s*(%d+) kB"
        file:close()
        return kilobytes * 1024
      end
      local before, recorder = resident(), assert(pcap.recorder { bytes = 2 ^ 26 })
      local function fill(count)
        for i = 1, count do
          assert(recorder:dump((" "):rep(992) .. ("%08d"):format(i), i))
        end
        print(resident() - before)
      end
      fill(1000)
      fill(200000)
      assert(recorder:close() and recorder:close())
      print(resident() - before)
    ]]
    local few, many, none = output:match "^(%d+)\n(%d+)\n(%d+)\n$"
    assert.is_truthy(none, output)
    assert.is_true(tonumber(few) < 8 * 2 ^ 20, few)
    assert.is_true(tonumber(many) > 50 * 2 ^ 20 and tonumber(many) < 90 * 2 ^ 20, many)
    assert.is_true(tonumber(none) < 20 * 2 ^ 20, none)
  end)

  it("closes the file where an error ends the saving, as Ctrl-C does", function()
    local recorder = assert(pcap.recorder { bytes = 10000 })
    for i = 1, 9 do assert(recorder:dump("packet", i)) end
    collectgarbage "stop"
    finally(function() collectgarbage "restart" end)
    local closed = {}
    assert.error_matches(function()
      recorder:save(folder .. "/%i", { rotate = { packets = 4, on_close = function(name)
        closed[#closed + 1] = name
        if #closed == 2 then error "mine" end
      end } })
    end, "mine")
    assert.same({ folder .. "/1", folder .. "/2", folder .. "/3" }, closed)
    assert.equal(24 + 4 * 22, #shell.read(folder .. "/2"))
    assert.equal(9, recorder:save(path))
  end)

  it("keeps all that a packet has: its options, interface and link type", function()
    local from = assert(pcap.dumper { memory = true, format = "pcapng" })
    local tunnel = assert(from:add_interface { linktype = pcap.DLT.RAW })
    assert(from:dump("abc", 1, 3, { comment = "mine", direction = "in" }))
    assert(from:dump("\69def", 2, 90, { interface = tunnel }))
    local reader = assert(pcap.reader())
    assert(reader:feed(from:take()))
    local recorder = assert(pcap.recorder { bytes = 10000 })
    for pkt in reader:packets() do
      assert(recorder:dump(pkt))
    end
    assert.equal(2, recorder:save(path, { format = "pcapng" }))
    local cap = assert(pcap.open_offline(path))
    local pkt = cap:next_packet()
    assert.equal("mine", pkt:comment())
    assert.equal("in", pkt.direction)
    pkt = cap:next_packet()
    assert.equal(pcap.DLT.RAW, pkt.linktype)
    assert.equal(90, pkt.wirelen)
    local count, message = recorder:save(path)
    assert.is_nil(count)
    assert.equal(path .. ": packet of link type RAW does not go into a file of EN10MB", message)
  end)

  it("saves to several files, packed, and says what cannot be written", function()
    shell.needs_zlib()
    local recorder = assert(pcap.recorder { bytes = 10000, linktype = pcap.DLT.RAW })
    assert.equal(0, recorder:save(path))
    assert.matches("Raw IP", shell.run("capinfos -E %s", path))
    for i = 1, 9 do
      assert(recorder:dump(bytes(i, 60), i))
    end
    assert.equal(9, recorder:save(folder .. "/%i.gz",
      { compress = "gzip", precision = "micro", rotate = { packets = 4 } }))
    assert.equal(header { snaplen = 262144, linktype = 101 } .. record(bytes(9, 60), { sec = 9 }),
      shell.run("gzip -dc %s/3.gz", folder))
    assert.same({ nil, folder .. "/no/x: No such file or directory" },
      { recorder:save(folder .. "/no/x") })
    assert.equal(9, recorder:save(path)) -- the failure has changed nothing
  end)

  it("has a dumper's methods, and no file", function()
    local recorder = assert(pcap.recorder { bytes = 1000 })
    assert.equal("pcap recorder: pcap recorder has no interfaces",
      select(2, recorder:add_interface()))
    assert.same({ nil, "pcap recorder has no file" }, { recorder:tell() })
    assert.same({ nil, "pcap recorder has no file" }, { recorder:fileno() })
    assert.equal(recorder, recorder:flush())
    assert.equal(recorder, recorder:tick())
    assert.equal("pcap recorder", tostring(recorder))
    assert.is_true(recorder:close())
    assert.equal("pcap recorder (closed)", tostring(recorder))
    misuse(function() local _ = recorder:save(path) end,
      "calling 'save' on bad self: pcap recorder has been closed")
    misuse(function() recorder:dump "abc" end,
      "calling 'dump' on bad self: pcap dumper has been closed")
  end)

  it("keeps the last packets that fit where the system gives no more memory", function()
    shell.needs_linux "a limit on the address space"
    for _, limit in ipairs { 2 ^ 26, 1e8, 2 ^ 28 } do
      local output = process.lua(([[
        local pcap = require "pcap"
        local recorder = assert(pcap.recorder { bytes = %d })
        local packet = ("x"):rep(1500)
        for i = 1, 300000 do
          assert(recorder:dump(("%%08d"):format(i) .. packet, i))
        end
        local kept, last = 0, 0
        assert(recorder:save(assert(pcap.dumper { linktype = 1, write = function(_, length)
          last = length
        end })))
        print(last > 0)
      ]]):format(limit), { prefix = "ulimit -v 180000;" })
      assert.equal("true\n", output)
    end
  end)

  it("refuses misuse by name", function()
    misuse(function() local _ = pcap.recorder() end,
      "bad argument #1 to 'recorder' (table expected, got nil)")
    misuse(function() local _ = pcap.recorder {} end,
      "bad argument #1 to 'recorder' (option 'seconds' or 'bytes' is missing)")
    misuse(function() local _ = pcap.recorder { seconds = 0 } end,
      "bad argument #1 to 'recorder' (option 'seconds': seconds expected, got 0)")
    local recorder = assert(pcap.recorder { bytes = 1000 })
    misuse(function() local _ = recorder:save {} end,
      "bad argument #1 to 'save' (string expected, got table)")
    misuse(function() local _ = recorder:save("x", { rotate = { packets = 1 } }) end,
      "bad argument #2 to 'save' (several files may come in a second: the name needs %i)")
  end)
end)
