local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local header, record = savefile.header, savefile.record
local folder, remove, out

-- A dumper on `out`.
local function open(snaplen, opts)
  return assert(pcap.open_dead(1, snaplen, opts):dump_open(out))
end

describe("A dumper", function()
  before_each(function()
    folder, remove = shell.folder()
    out = folder .. "/out.pcap"
  end)
  after_each(function() remove() end)

  it("writes what libpcap's format says, byte for byte", function()
    local dumper = open()
    assert.equal(dumper, dumper:dump("abc", 1700000000.123456, 1500))
    assert.equal(dumper, dumper:dump("", 1))
    assert.equal(dumper, dumper:dump(("x"):rep(65535), 4294967295.999999, 2 ^ 32 - 1))
    assert.is_true(dumper:close())
    assert.is_true(shell.read(out) == header()
      .. record("abc", { sec = 1700000000, fraction = 123456, wirelen = 1500 })
      .. record("", { sec = 1 })
      .. record(("x"):rep(65535), { sec = 2 ^ 32 - 1, fraction = 999999, wirelen = 2 ^ 32 - 1 }))
  end)

  it("rounds times to what the file can hold, also before 1970", function()
    open():dump("a", 0.9999999):dump("b", -0.25):dump("c", -1):close()
    assert.is_true(shell.read(out) == header() .. record("a", { sec = 1 })
      .. record("b", { sec = 2 ^ 32 - 1, fraction = 750000 }) .. record("c", { sec = 2 ^ 32 - 1 }))
    open(0, { precision = "nano" }):dump("a", 1.000000001):close()
    assert.is_true(shell.read(out) == header { magic = 0xa1b23c4d }
      .. record("a", { sec = 1, fraction = 1 }))
  end)

  it("takes the current time, to the microsecond, for a time of nil or 0", function()
    local dumper, before = open(), os.time()
    for _ = 1, 50 do
      dumper:dump("x"):dump("y", nil, 60):dump("z", 0)
    end
    dumper:close()
    local after = os.time() + 1 -- the system's clock of seconds may be a little late
    local fine, last = false, 0
    for pkt in pcap.open_offline(out):packets() do
      assert.is_true(pkt.sec >= before and pkt.sec <= after)
      assert.is_true(pkt:timestamp() >= last)
      last, fine = pkt:timestamp(), fine or pkt.nsec % 1e6 ~= 0
    end
    assert.is_true(fine)
  end)

  it("takes strings of digits for its numbers", function()
    open():dump("abc", "1.5", " 60 "):close()
    assert.is_true(shell.read(out) == header()
      .. record("abc", { sec = 1, fraction = 500000, wirelen = 60 }))
    local before = os.time()
    open():dump("abc", "0"):close()
    assert.is_true(pcap.open_offline(out):next_packet().sec >= before)
  end)

  -- Packets at the times 0, 1, 0, 1, ..., enough of them for the loops below to be compiled.
  local function zeroes()
    local parts = { header() }
    for i = 1, 500 do
      parts[#parts + 1] = record("x", { sec = i % 2, wirelen = i })
    end
    local bytes = table.concat(parts)
    return pcap.open_offline(shell.write(folder .. "/in", bytes)), bytes
  end

  it("copies the time 0 as it is, by whatever way the time was asked for", function()
    local ways = {
      next = function(cap, dumper)
        repeat until not dumper:dump(cap:next())
      end,
      ["for"] = function(cap, dumper)
        for data, timestamp, wirelen in cap.next, cap do dumper:dump(data, timestamp, wirelen) end
      end,
      timestamp = function(cap, dumper)
        for pkt in cap:packets() do dumper:dump(pkt:bytes(), pkt:timestamp(), pkt.wirelen) end
      end,
      loop = function(cap, dumper)
        cap:loop(function(...) dumper:dump(...) end)
      end,
      table = function(cap, dumper)
        local list = {}
        for data, timestamp, wirelen in cap.next, cap do
          list[#list + 1] = { data, timestamp, wirelen }
        end
        for _, one in ipairs(list) do dumper:dump(unpack(one)) end
      end,
    }
    for name, way in pairs(ways) do
      local cap, bytes = zeroes()
      local dumper = cap:dump_open(out)
      way(cap, dumper)
      assert(dumper:close())
      assert.is_true(shell.read(out) == bytes, name)
      cap:close()
    end
  end)

  it("copies with dump(cap:next()), which hands back the reason of the end", function()
    local bytes = header()
    for i = 1, 20 do
      bytes = bytes .. record(("x"):rep(i), { sec = i, fraction = 999999 - i, wirelen = 60 })
    end
    local cap, dumper = pcap.open_offline(shell.write(folder .. "/in", bytes)), open()
    local copied = -1
    local done, message
    repeat
      done, message = dumper:dump(cap:next())
      copied = copied + 1
    until not done
    assert.equal(20, copied)
    assert.is_nil(done)
    assert.equal("closed", message)
    dumper:close()
    assert.is_true(shell.read(out) == bytes)
    assert.same({ nil, "any words" }, { open():dump(nil, "any words") })
  end)

  it("refuses a packet that is gone, which would come out empty", function()
    local cap = pcap.open_offline(shell.write(folder .. "/in", header() .. record("one")))
    local dumper, pkt = cap:dump_open(out), cap:next_packet()
    cap:close()
    assert.has_error(function() dumper:dump(pkt) end,
      "bad argument #1 to 'dump' (the packet's capture has been closed or read on)")
    dumper:close()
    assert.is_true(shell.read(out) == header())
  end)

  it("writes a packet object exactly, a zero time and nanoseconds included", function()
    local bytes = header { magic = 0xa1b23c4d } .. record("zero")
      .. record("nano", { sec = 1700000000, fraction = 123456789, wirelen = 9999 })
      .. record("late", { sec = 2 ^ 32 - 1, fraction = 1 })
    local cap = pcap.open_offline(shell.write(folder .. "/in", bytes), { precision = "nano" })
    local dumper, copies = cap:dump_open(out), {}
    for pkt in cap:packets() do
      copies[#copies + 1] = pkt:copy()
      assert.equal(dumper, dumper:dump(pkt))
    end
    dumper:close()
    assert.is_true(shell.read(out) == bytes)
    dumper = cap:dump_open(out)
    for _, pkt in ipairs(copies) do
      dumper:dump(pkt)
    end
    dumper:close()
    assert.is_true(shell.read(out) == bytes)
    dumper = open()
    dumper:dump(copies[2]):close()
    assert.is_true(shell.read(out) == header()
      .. record("nano", { sec = 1700000000, fraction = 123456, wirelen = 9999 }))
  end)

  it("refuses a packet that is longer than the snaplen, and the file stays valid", function()
    local dumper = open(10)
    assert.equal(dumper, dumper:dump(("a"):rep(10), 1))
    local long = ("b"):rep(11)
    local message = out .. ": packet of 11 bytes is longer than the 10 that the file can hold"
    assert.same({ nil, message }, { dumper:dump(long, 1) })
    local source = shell.write(folder .. "/in", header() .. record(long))
    assert.same({ nil, message }, { dumper:dump(pcap.open_offline(source):next_packet()) })
    assert.equal(dumper, dumper:dump("c", 1, 11))
    assert.is_true(dumper:close())
    assert.is_true(shell.read(out) == header { snaplen = 10 } .. record(("a"):rep(10), { sec = 1 })
      .. record("c", { sec = 1, wirelen = 11 }))
  end)

  it("refuses a packet that libpcap would not read back, whatever the snaplen", function()
    local long = ("b"):rep(262145)
    for linktype, fits in pairs { [pcap.DLT.EN10MB] = false, [pcap.DLT.USBPCAP] = true } do
      local dumper = assert(pcap.open_dead(linktype, 2 ^ 31 - 1):dump_open(out))
      assert.equal(fits, dumper:dump(long, 1) == dumper)
      assert(dumper:dump(long:sub(1, 262144), 1))
      assert(dumper:close())
      shell.run("tcpdump -r %s -w %s.read && cmp %s %s.read", out, out, out, out)
    end
  end)

  it("refuses a time that the file cannot hold", function()
    local dumper = open()
    for _, time in ipairs { 2 ^ 32, -2 ^ 31 - 1, 1e300 } do
      assert.same({ nil, ("%s: a savefile cannot hold a time of %.0f seconds"):format(out, time) },
        { dumper:dump("x", time) })
    end
    assert.is_true(dumper:close())
    assert.is_true(shell.read(out) == header())
  end)

  it("refuses a packet of another link type", function()
    local other = shell.write(folder .. "/in", header { linktype = 101 } .. record("abc"))
    local pkt = pcap.open_offline(other):next_packet()
    if not pcall(function() return pkt.linktype end) then
      return pending("packets do not have a link type yet")
    end
    local dumper = open()
    assert.same({ nil, out .. ": packet of link type RAW does not go into a file of EN10MB" },
      { dumper:dump(pkt) })
    pkt = pkt:copy()
    assert.is_nil((dumper:dump(pkt)))
    assert.equal(dumper, dumper:dump(pkt:bytes(), 1))
    assert.is_true(dumper:close())
    assert.is_true(shell.read(out) == header() .. record("abc", { sec = 1 }))
  end)

  it("raises for a missing packet and other misuse, and writes nothing", function()
    local dumper = open()
    misuse(function() dumper:dump() end,
      "bad argument #1 to 'dump' (packet or string expected, got nil)")
    misuse(function() dumper:dump(nil, 1) end,
      "bad argument #1 to 'dump' (packet or string expected, got nil)")
    misuse(function() dumper:dump(7) end,
      "bad argument #1 to 'dump' (packet or string expected, got number)")
    misuse(function() dumper:dump("abc", "now") end,
      "bad argument #2 to 'dump' (number expected, got string)")
    misuse(function() dumper:dump("abc", 0 / 0) end,
      "bad argument #2 to 'dump' (finite number expected, got " .. tostring(0 / 0) .. ")")
    misuse(function() dumper:dump("abc", 1, 2) end,
      "bad argument #3 to 'dump' (integer from 3 to 4294967295 expected, got 2)")
    misuse(function() dumper:dump("abc", 1, 2 ^ 32) end,
      "bad argument #3 to 'dump' (integer from 3 to 4294967295 expected, got 4294967296)")
    misuse(function() dumper:dump("abc", 1, "all") end,
      "bad argument #3 to 'dump' (number expected, got string)")
    local path = shell.write(folder .. "/in.pcap", header() .. record "abc")
    local pkt = assert(assert(pcap.open_offline(path)):next_packet())
    misuse(function() dumper:dump(pkt, 1) end,
      "bad argument #2 to 'dump' (a packet object has its own time and length)")
    misuse(function() dumper:dump(pkt, "a comment") end,
      "bad argument #2 to 'dump' (a packet object has its own time and length)")
    misuse(function() dumper:dump(pkt, nil, 60) end,
      "bad argument #3 to 'dump' (a packet object has its own time and length)")
    dumper:close()
    assert.is_true(shell.read(out) == header())
  end)

  it("has the file readable after each flush", function()
    local dumper, expected = open(), header()
    for i = 1, 3 do
      dumper:dump("abc", i)
      expected = expected .. record("abc", { sec = i })
      assert.equal(dumper, dumper:flush())
      assert.is_true(shell.read(out) == expected)
    end
  end)

  it("writes the same whatever the sizes are and whenever it is flushed", function()
    for step = 1, 4 do
      local dumper, expected = open(), { header() }
      for i = 1, 60 do
        local bytes = ("x"):rep(i * 7919 * step % 65536)
        expected[#expected + 1] = record(bytes, { sec = i })
        assert(dumper:dump(bytes, i))
        assert.equal(#table.concat(expected), dumper:tell())
        if i % (step * 5) == 0 then assert(dumper:flush()) end
      end
      assert(dumper:close())
      assert.is_true(shell.read(out) == table.concat(expected))
    end
  end)

  it("writes what was dumped when it is collected", function()
    open():dump("abc", 1)
    collectgarbage()
    collectgarbage()
    assert.is_true(shell.read(out) == header() .. record("abc", { sec = 1 }))
  end)

  it("outlives its capture", function()
    local cap = pcap.open_offline(shell.write(folder .. "/in", header() .. record("abc")))
    local dumper = cap:dump_open(out)
    cap:close()
    cap = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert(dumper:dump("abc", 1))
    assert.is_true(dumper:close())
    assert.is_true(shell.read(out) == header() .. record("abc", { sec = 1 }))
  end)

  it("writes to stdout as -, which stays open", function()
    local output, status = process.lua [[
      io.write("before ")
      local dumper = require("pcap").open_dead():dump_open("-")
      dumper:dump("abc", 1)
      assert(dumper:close())
      io.write(" after")
    ]]
    assert.equal(0, status)
    assert.is_true(output == "before " .. header() .. record("abc", { sec = 1 }) .. " after")
  end)

  it("names the path that cannot be written", function()
    for path, reason in pairs { ["/missing/x"] = "No such file or directory",
      [""] = "Is a directory" } do
      assert.same({ nil, folder .. path .. ": " .. reason },
        { pcap.open_dead():dump_open(folder .. path) })
    end
  end)

  it("leaves a file as it was when the link type has no savefiles", function()
    shell.write(out, "precious")
    local dumper, message = pcap.open_dead(2 ^ 31 - 1):dump_open(out)
    assert.is_nil(dumper)
    assert.is_truthy(message:find(out, 1, true), message)
    assert.equal("precious", shell.read(out))
  end)

  it("replaces what a file held before, whole", function()
    shell.write(out, ("old"):rep(1000))
    open():dump("abc", 1):close()
    assert.is_true(shell.read(out) == header() .. record("abc", { sec = 1 }))
  end)

  it("raises for every method but close once it is closed, and on something else", function()
    local dumper = open()
    assert.is_true(dumper:close())
    assert.is_true(dumper:close())
    for _, name in ipairs { "dump", "flush" } do
      misuse(function() dumper[name](dumper, "x") end, "calling '" .. name
        .. "' on bad self: pcap dumper has been closed")
    end
    misuse(function() dumper.dump("x") end,
      "calling 'dump' on bad self (pcap dumper expected, got string)")
    misuse(function() dumper.close() end,
      "calling 'close' on bad self (pcap dumper expected, got nil)")
  end)

  it("tells as a string what it is, on what, and whether closed", function()
    local dumper = open()
    assert.equal("pcap dumper (" .. out .. ")", tostring(dumper))
    dumper:close()
    assert.equal("pcap dumper (" .. out .. ", closed)", tostring(dumper))
  end)
end)
