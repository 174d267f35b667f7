-- pcap.merge: the packets of several captures in the order of their times, as mergecap gives them.

local ffi = require "ffi"
local misuse = require "spec.support.misuse"
local net = require "spec.support.net"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove

-- A file whose packets have these times, and texts that tell the file and the number.
local function file(name, times, opts)
  opts = opts or {}
  local parts = { savefile.header(opts) }
  for i, time in ipairs(times) do
    parts[i + 1] = savefile.record(name .. i, { sec = math.floor(time), fraction = time % 1 * 1e6,
      big = opts.big })
  end
  return shell.write(folder .. "/" .. name, table.concat(parts))
end

local function open(path, opts)
  return assert(pcap.open_offline(path, opts))
end

local function texts(cap)
  local list = {}
  for pkt in cap:packets() do list[#list + 1] = pkt:bytes() end
  return table.concat(list, " ")
end

local function merged(...)
  local caps = {}
  for i, path in ipairs { ... } do caps[i] = open(path) end
  return assert(pcap.merge(caps)), caps
end

describe("pcap.merge", function()
  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  it("gives the packets by their times, the later capture first at the same time", function()
    local a, b, c = file("a", { 1, 4, 4, 7.5 }), file("b", { 2, 4, 7.25 }, { big = true }),
      file("c", { 0.5, 4, 9 })
    assert.equal("c1 a1 b1 c2 b2 a2 a3 b3 a4 c3", texts((merged(a, b, c))))
    assert.equal("a1 a2 a3 a4", texts((merged(a))))
  end)

  it("equals mergecap, whatever the times, ties and order within the files", function()
    shell.needs "mergecap"
    math.randomseed(4711)
    for count = 1, 9, 2 do
      local paths = {}
      for i = 1, count do
        local times, time = {}, 5
        for k = 1, math.random(0, 300) do
          time = math.max(time + math.random(-1, 3), 0)
          times[k] = time
        end
        paths[i] = file("f" .. i .. "x", times, { big = i % 2 == 0 })
      end
      local out, words = folder .. "/ours", {}
      for i, path in ipairs(paths) do words[i] = shell.quote(path) end
      shell.run("mergecap -F pcap -w " .. folder .. "/theirs " .. table.concat(words, " "))
      local cap = merged(unpack(paths))
      local dumper = assert(cap:dump_open(out))
      for pkt in cap:packets() do assert(dumper:dump(pkt)) end
      assert(dumper:close())
      assert.equal("closed", cap:ending())
      assert.is_true(shell.read(folder .. "/theirs"):sub(25) == shell.read(out):sub(25), count)
    end
  end)

  it("numbers the interfaces over all captures, and writes them as tshark reads them", function()
    local w = pcapng_file.writer(false)
    local function packet(text, second, interface)
      local high = math.floor(second * 1e6 / 2 ^ 32)
      return w:packet(text, { interface = interface, high = high, low = second * 1e6 % 2 ^ 32 })
    end
    shell.write(folder .. "/n", w:section() .. w:interface(1, 1000, { { 2, "one" } })
      .. packet("n1", 1000, 0) .. w:interface(101, 1000, { { 2, "two" } }) .. packet("n2", 1003, 1)
      .. packet("n3", 1004, 0))
    local a, b = file("a", { 1001, 1005 }), file("b", { 1002 }, { linktype = 113 })
    local cap, list = merged(a, folder .. "/n", b), {}
    local dumper = assert(cap:dump_open(folder .. "/out", { format = "pcapng" }))
    for pkt in cap:packets() do
      list[#list + 1] = { pkt:bytes(), cap:interfaces()[pkt.interface].capture, pkt.linktype,
        cap:interfaces()[pkt.interface].name }
      assert(dumper:dump(pkt))
    end
    assert(dumper:close())
    assert.same({ { "n1", 2, 1, "one" }, { "a1", 1, 1 }, { "b1", 3, 113 }, { "n2", 2, 12, "two" },
      { "n3", 2, 1, "one" }, { "a2", 1, 1 } }, list)
    local known = cap:interfaces()
    assert.equal(4, #known)
    assert.equal(4, known[4].number)
    assert.equal("1000.000000000\tone\n1001.000000000\t\n1002.000000000\t\n1003.000000000\ttwo\n"
      .. "1004.000000000\tone\n1005.000000000\t\n", shell.run("tshark -n -r %s -T fields "
      .. "-e frame.time_epoch -e frame.interface_name 2>/dev/null | sed s/unknown//",
      folder .. "/out"))
  end)

  it("filters, by each packet's own link type", function()
    local a, b = file("a", { 1, 3, 5 }), file("b", { 2, 4, 6 }, { linktype = 101 })
    local cap = assert((merged(a, b)):set_filter "ether[1] = 0x32 or ether[1] = 0x33") -- 2, 3
    assert.equal("a2 b2 a3 b3", texts(cap))
    local one = assert(open(a):set_filter "ether[1] = 0x32")
    assert.equal("b1 a2 b2 b3", texts(assert(pcap.merge { one, open(b) })))
    cap = merged(a, b)
    assert.equal("a1", (cap:next()))
    assert(cap:set_filter "len = 9")
    assert.equal("", texts(cap))
    assert.equal("closed", cap:ending())
    assert.is_nil((cap:set_filter "no filter"))
  end)

  it("hands packets on without a copy, and keeps them until the next read", function()
    local cap, caps = merged(file("a", { 1, 2 }), file("b", { 1.5, 3 }))
    local pkt = cap:next_packet()
    assert.equal(caps[1]._packet, pkt)
    assert.equal("a1", pkt:bytes())
    assert.equal("b1", (cap:next()))
    assert.equal("a2", (cap:next()))
    local last = cap:next_packet()
    assert.equal("b2", last:bytes())
    assert.same({ nil, "closed" }, { cap:next() })
    assert.equal(0, last.caplen)
  end)

  it("owns its captures: empties and closes them at its close, and at theirs", function()
    local before = process.descriptors()
    local cap, caps = merged(file("a", { 1, 2 }), file("b", { 3 }))
    local pkt = cap:next_packet()
    assert.has_error(function() caps[1]:next() end,
      "a merge reads this capture: read from the merged one")
    assert.has_error(function() caps[2]:packets()(caps[2]) end)
    assert.has_error(function() caps[1]:seek { packet = 1 } end)
    cap:close()
    assert.is_true(pkt.data == nil)
    assert.has_error(function() caps[1]:datalink() end)
    assert.equal(before, process.descriptors())
    cap, caps = merged(file("a", { 1, 2, 5 }), file("b", { 3, 4 }))
    pkt = cap:next_packet()
    caps[1]:close()
    assert.is_true(pkt.data == nil)
    assert.equal("b1", (cap:next()))
    caps[2]:close()
    assert.same({ nil, "closed" }, { cap:next() })
  end)

  it("keeps what a packet points to alive", function()
    local pkt = (merged(file("a", { 1 }), file("b", { 2 }))):next_packet()
    collectgarbage() collectgarbage()
    for _ = 1, 100 do ffi.new("uint8_t[?]", 1000) end
    assert.equal("a1", pkt:bytes())
  end)

  it("goes with its captures if nobody closes it", function()
    local a, b = file("a", { 1 }), file("b", { 2 })
    collectgarbage() collectgarbage()
    local before = process.descriptors()
    for _ = 1, 10 do
      (merged(a, b)):next_packet()
    end
    collectgarbage() collectgarbage()
    assert.equal(before, process.descriptors())
  end)

  it("tells once which file is damaged, and goes on with the others", function()
    local a, b = file("a", { 1, 3 }), file("b", { 2, 4, 6 })
    shell.write(a, shell.read(a):sub(1, -2))
    local cap = merged(a, b)
    assert.equal("a1", texts(cap))
    assert.equal(a .. ": truncated dump file; tried to read 2 captured bytes, only got 1",
      cap:ending())
    assert.equal("b1 b2 b3", texts(cap))
    assert.equal("closed", cap:ending())
  end)

  it("merges what comes in pieces, and says if it needs more", function()
    local reader = assert(pcap.reader())
    assert(reader:feed(savefile.header()))
    local cap = assert(pcap.merge { assert(reader:capture()), open(file("a", { 1, 3 })) })
    assert.same({ nil, "more" }, { cap:next() })
    assert(reader:feed(savefile.record("r1", { sec = 2 })))
    assert.equal("a1", (cap:next()))
    assert(reader:feed(savefile.record("r2", { sec = 4 })))
    assert.equal("r1 a2 r2", texts(assert(reader:finish()) and cap))
    assert.equal("closed", cap:ending())
  end)

  it("waits for a followed file, no longer than the delay and the timeout", function()
    local a, b = file("a", { 1, 5, 9 }), file("b", {})
    local now = os.time()
    local function append(text, sec)
      local out = assert(io.open(b, "ab"))
      out:write(savefile.record(text, { sec = sec }))
      out:close()
    end
    local cap = assert(pcap.merge({ open(a), open(b, { follow = true }) }, { delay = 0 }))
    assert.equal("a1 a2 a3", texts(cap))
    assert.equal("timeout", cap:ending())
    append("late", 7)
    assert.is_true(cap:wait(5))
    assert.equal("late", (cap:next()))
    assert.same({ nil, "timeout" }, { cap:wait(0.05) })
    assert.is_nil((cap:getfd()))
    -- A packet of this moment waits for those that may come before it.
    cap = assert(pcap.merge({ open(file("a", { now + 100 })), open(b, { follow = true }) },
      { delay = 0.3, timeout = 0.1 }))
    assert.equal("late", (cap:next()))
    assert.same({ nil, "timeout" }, { cap:next() })
    append("before it", now + 50)
    assert.equal("before it", (cap:next()))
    assert(cap:set_nonblock(true))
    assert.same({ nil, "timeout" }, { cap:next() })
    assert(cap:set_nonblock(false))
    shell.run "sleep 0.3"
    assert.equal("a1", (cap:next()))
  end)

  it("ends at breakloop, while it waits for a pipe too", function()
    local cap = merged(file("a", { 1, 2 }))
    cap:breakloop()
    assert.same({ nil, "break" }, { cap:next() })
    assert.equal("a1 a2", texts(cap))
    if not pcall(require, "posix.signal") then return shell.skip "needs lua-posix" end
    local output = shell.run("luajit -e %s", ([[
      local signal, unistd = require "posix.signal", require "posix.unistd"
      local pcap = require "pcap"
      local pipe = io.popen("cat %s; exec sleep 6")
      local cap = pcap.merge { pcap.open_offline(pipe), pcap.open_offline(%q) }
      signal.signal(signal.SIGALRM, function() cap:breakloop() end)
      unistd.alarm(1)
      local start = os.time()
      for _ in cap:packets() do end
      assert(os.time() - start < 5)
      print(cap:ending()) os.exit(0, false) ]]):format(file("b", { 0 }), file("a", { 1, 2 })))
    assert.equal("break\n", output)
  end)

  it("takes captures that are open, each once", function()
    local path = file("a", { 1 })
    local cap = open(path)
    local closed = open(path)
    closed:close()
    local function assert_misuse(list, message)
      misuse(function() return (pcap.merge(list)) end, "bad argument #1 to 'merge' (" .. message
        .. ")")
    end
    assert_misuse({}, "list of captures expected")
    assert_misuse({ cap, path }, "list of captures expected")
    assert_misuse({ cap, cap }, "a capture is being merged already")
    assert_misuse({ closed }, "a capture has been closed")
    assert_misuse({ assert(pcap.open_dead()) }, "a dead capture has no packets")
    misuse(function() return (pcap.merge(cap)) end,
      "bad argument #1 to 'merge' (list of captures expected)")
    misuse(function() return (pcap.merge({ cap }, { wait = 1 })) end,
      "bad argument #2 to 'merge' (unknown option 'wait')")
    assert(pcap.merge { cap })
    assert_misuse({ cap }, "a capture is being merged already")
  end)
end)

describe("pcap.merge #live", function()
  it("gives what two devices capture by its time", function()
    if not net.require_privilege(pending) then return end
    local near, far, remove_one = net.veth()
    local near_too, far_too, remove_other = net.veth()
    finally(function() remove_one() remove_other() end)
    local frame = ("\255"):rep(6) .. "\2\0\0\0\0\1\x88\xb5"
    local function listen(device)
      return assert(assert(pcap.open_live { device = device, direction = "in" })
        :set_filter "ether proto 0x88b5")
    end
    local cap = assert(pcap.merge({ listen(near), listen(near_too) }, { timeout = 1 }))
    local one, other = assert(pcap.open_live(far)), assert(pcap.open_live(far_too))
    for i = 1, 20 do
      assert((i % 3 == 0 and one or other):inject(frame .. ("%046d"):format(i)))
      shell.run "sleep 0.002"
    end
    for i = 1, 20 do
      local pkt = assert(cap:next_packet())
      assert.equal(i, tonumber(pkt:bytes(15)))
      assert.equal(i % 3 == 0 and 1 or 2, cap:interfaces()[pkt.interface].capture)
    end
    assert.same({ nil, "timeout" }, { cap:next() })
    cap:close()
  end)

  it("ends with the capture that is closed while the kernel has more of its packets", function()
    if not net.require_privilege(pending) then return end
    local near, far, remove_veth = net.veth()
    finally(remove_veth)
    local one = assert(pcap.open_live { device = near, direction = "in" })
    local cap, sender = pcap.merge({ one }, { timeout = 1 }), assert(pcap.open_live(far))
    local frames = {}
    for i = 1, 40 do
      frames[i] = ("\255"):rep(6) .. "\2\0\0\0\0\1\x88\xb5" .. ("%046d"):format(i)
    end
    assert.equal(40, sender:inject_all(frames))
    for i = 1, 20 do
      assert.equal(i, tonumber(cap:next_packet():bytes(15)))
    end
    one:close()
    assert.same({ nil, "closed" }, { cap:next_packet() })
    cap:close()
    sender:close()
  end)
end)
