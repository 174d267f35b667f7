--- The kernel's ring, walked by the shim: libpcap's own reading of another capture is the judge.

local ffi = require "ffi"
local frames = require "spec.support.frames"
local net = require "spec.support.net"
local pcap = require "pcap"
local shell = require "spec.support.shell"
local shim = require "pcap.core.shim"
local signals = require "pcap.core.signals"
local traffic = require "spec.support.traffic"

local a, b, remove

-- Two captures of one device: one walks the ring, libpcap reads the other.
local function both(opts)
  local ours, theirs = assert(pcap.open_live(opts)), assert(pcap.open_live(opts))
  shim.luapcap_ring_release(theirs._ring)
  return ours, theirs
end

-- All packets that there are, and their times.
local function read(cap)
  local list, times = {}, {}
  for pkt in cap:packets() do
    list[#list + 1] = ("%d %d %s"):format(pkt.caplen, pkt.wirelen, pkt:bytes())
    times[#times + 1] = pkt:copy()
  end
  assert.equal("timeout", cap:ending())
  return list, times
end

-- The kernel takes the time for each capture anew.
local function are_near(expected, times, unit)
  for i, time in ipairs(expected) do
    assert.is_true(math.abs(time:timestamp() - times[i]:timestamp()) < 0.01)
    assert.equal(0, times[i].nsec % unit)
  end
end

local function walks_the_ring(cap)
  return cap._ring.blocks ~= nil
end

-- The frames of `list`, sent to and by the device that is captured.
local function send(list)
  for _, device in ipairs { a, b } do
    local cap = assert(pcap.open_live { device = device, snaplen = 64 })
    assert.equal(#list, cap:inject_all(list))
    cap:close()
  end
end

local function frame(size)
  return net.frame(("x"):rep(size - 14))
end

local ODD = {
  frame(14), frame(60), frame(1514), frame(9014),
  frames.ethernet(0x8100, frames.hex "0005 88b5" .. ("tagged"):rep(20)),
  frames.ethernet(0x8100, frames.hex "0000 88b5" .. ("tag of zeros"):rep(20)),
  frames.ethernet(0x8100, frames.hex "e007 8100 0008 88b5" .. ("two tags"):rep(20)),
  frames.ethernet(0x88a8, frames.hex "0009 8100 000a 88b5" .. ("service tag"):rep(20)),
  frames.ethernet(0x8100, frames.hex "0005 88b5"),
}

describe("The ring of a live capture #live", function()
  setup(function()
    if not net.is_privileged() then return end
    a, b, remove = net.veth()
    for _, device in ipairs { a, b } do
      shell.run(("ip link set %s mtu 9000"):format(device))
    end
  end)
  teardown(function()
    if remove then remove() end
  end)

  local function it_is_read(sentence, opts, more)
    it(sentence, function()
      if not net.require_privilege(pending) then return end
      opts.device, opts.timeout = a, 0.15
      local ours, theirs = both(opts)
      for _, cap in ipairs { ours, theirs } do
        if more then more(cap) end
      end
      assert.is_true(walks_the_ring(ours))
      send(ODD)
      local expected, expected_times = read(theirs)
      local found, times = read(ours)
      assert.is_true(#expected > 0)
      assert.same(expected, found)
      are_near(expected_times, times, opts.precision == "nano" and 1 or 1000)
      assert.same(theirs:stats(), ours:stats())
      ours:close()
      theirs:close()
    end)
  end

  it_is_read("is read as libpcap reads it: sizes, times, VLAN tags put back", {})
  it_is_read("is read as libpcap reads it, to the nanosecond", { precision = "nano" })
  it_is_read("is read as libpcap reads it in immediate mode", { immediate = true })
  it_is_read("is read as libpcap reads it in immediate mode, cut",
    { immediate = true, snaplen = 70 })
  it_is_read("is cut at the snapshot length, tags too", { snaplen = 16 })
  it_is_read("is cut before the tag", { snaplen = 10 })
  it_is_read("has what comes in", { direction = "in" })
  it_is_read("has what goes out", {}, function(cap) assert(cap:set_direction "out") end)
  it_is_read("has what the kernel's filter lets pass", {}, function(cap)
    assert(cap:set_filter "vlan and len > 200")
  end)
  it_is_read("has packets of another link type", {}, function(cap)
    assert(cap:set_datalink(pcap.DLT.DOCSIS))
  end)

  it("shows each packet of loopback once", function()
    if not net.require_privilege(pending) then return end
    local opts = { device = "lo", timeout = 0.15 }
    local ours, theirs = both(opts)
    for _, cap in ipairs { ours, theirs } do
      assert(cap:set_filter "ether proto 0x88b5")
    end
    local sender = assert(pcap.open_live(opts))
    assert.equal(3, sender:inject_all { frame(60), frame(61), frame(62) })
    sender:close()
    local expected = read(theirs)
    assert.equal(3, #expected)
    assert.same(expected, (read(ours)))
  end)

  local function is_read_round_and_round(opts)
    opts.device, opts.timeout, opts.buffer_size = a, 0.15, 2 ^ 20
    local cap = assert(pcap.open_live(opts))
    local sender = assert(pcap.open_live { device = b, snaplen = 64 })
    assert.is_true(walks_the_ring(cap))
    local number, list = 0, {}
    for round = 1, 40 do
      for i = 1, 100 do
        list[i] = frame(1000):sub(1, -9) .. ("%08d"):format(round * 100 + i)
      end
      assert.equal(100, sender:inject_all(list))
      if round % 4 == 0 then
        for pkt in cap:packets() do
          number = number + 1
          assert.equal(100 + number, tonumber(ffi.string(pkt.data + 992, 8)))
          if number % 400 == 0 then break end
        end
      end
    end
    assert.equal(4000, number)
    assert.is_true(cap._ring.taken > 2 * cap._ring.count)
    assert.equal(0, cap:stats().dropped)
  end

  it("is read round and round, in order, and no packet is touched before the next read", function()
    if not net.require_privilege(pending) then return end
    is_read_round_and_round {}
    is_read_round_and_round { immediate = true, snaplen = 1200 }
  end)

  -- What is in the ring when the filter is set, and what comes then.
  local function read_after(filter, before)
    local cap = assert(pcap.open_live { device = a, timeout = 0.15 })
    assert.is_true(walks_the_ring(cap))
    if before then assert(cap:set_filter(before)) end
    send(ODD)
    assert(cap:set_filter(filter))
    local first = read(cap)
    send(ODD)
    local second = read(cap)
    cap:close()
    return first, second
  end

  for _, filter in ipairs { "inbound", "outbound", "vlan", "vlan 5", "not vlan", "len > 1000",
    "vlan and inbound", "ifindex 1", "not ifindex 1", "ether proto 0x88b5", "less 0" } do
    it("gives what was in it when the filter was set as what comes then: " .. filter, function()
      if not net.require_privilege(pending) then return end
      local first, second = read_after(filter)
      assert.same(second, first)
      assert.is_true(filter == "ifindex 1" or filter == "less 0" or #first > 0)
      assert.is_true(#first < 18 or filter == "not ifindex 1")
    end)
  end

  -- Plain packets, of which reads take many at once.
  local PLAIN = {}
  for i = 1, 40 do
    PLAIN[i] = frame(60 + i)
  end

  it("gives no packet after a change of the filter that only the filter before let pass", function()
    if not net.require_privilege(pending) then return end
    local cap = assert(pcap.open_live { device = a, timeout = 0.15 })
    send(PLAIN)
    assert.equal(61, cap:next_packet().caplen)
    assert(cap:set_filter "len >= 99")
    local sizes = {}
    for pkt in cap:packets() do
      sizes[#sizes + 1] = pkt.caplen
    end
    assert.same({ 99, 100, 99, 100 }, sizes)
    cap:close()
  end)

  it("gives what libpcap gives after a change of the direction", function()
    if not net.require_privilege(pending) then return end
    local ours, theirs = both { device = a, timeout = 0.15 }
    send(PLAIN)
    local list = {}
    for which, cap in ipairs { ours, theirs } do
      list[which] = {}
      for _ = 1, 3 do
        assert(cap:next_packet())
      end
      for _, direction in ipairs { "in", "inout" } do
        assert(cap:set_direction(direction))
        for pkt in cap:packets(3) do
          list[which][#list[which] + 1] = pkt.caplen .. direction
        end
      end
      cap:close()
    end
    assert.same(list[2], list[1])
  end)

  it("tells the direction of each packet", function()
    if not net.require_privilege(pending) then return end
    local cap = assert(pcap.open_live { device = a, timeout = 0.15 })
    local near, far = assert(pcap.open_live { device = a }), assert(pcap.open_live { device = b })
    for i = 1, 20 do
      assert(near:inject(PLAIN[i]))
      assert(far:inject(PLAIN[i]))
    end
    local directions = {}
    for pkt in cap:packets() do
      directions[#directions + 1] = pkt.direction
    end
    assert.equal(("out in "):rep(20), table.concat(directions, " ") .. " ")
    for _, each in ipairs { cap, near, far } do
      each:close()
    end
  end)

  it("is read with a look for signals now and then, by the time that a loop takes", function()
    if not net.require_privilege(pending) then return end
    local cap = assert(pcap.open_live { device = a, timeout = 0.15 })
    send(PLAIN)
    local number, looked_at, longest = 0, 0, 0
    for _ = 1, 4 do -- loops before may have been fast
      shell.run "sleep 0.05"
      signals.look()
    end
    signals.handler = function()
      longest, looked_at = math.max(longest, number - looked_at), number
    end
    finally(function() signals.handler = nil end)
    for _ in cap:packets() do
      number = number + 1
      shell.run "sleep 0.01"
    end
    assert.equal(80, number)
    assert.is_true(longest <= 3, longest .. " packets between two looks")
    cap:close()
  end)

  it("is left by a loop that closes the capture", function()
    if not net.require_privilege(pending) then return end
    local cap = assert(pcap.open_live { device = a, timeout = 0.15 })
    send(PLAIN)
    assert.has_error(function()
      for _ in cap:packets() do
        cap:close()
      end
    end, "calling 'packets' on bad self: pcap capture has been closed")
  end)

  it("gives what two filters let pass that were set one after the other", function()
    if not net.require_privilege(pending) then return end
    local first, second = read_after("len > 200", "not vlan")
    assert.equal(4, #first)
    assert.equal(8, #second)
  end)

  it("loses nothing while the filter changes", function()
    if not net.require_privilege(pending) then return end
    local path, count = shell.file(), 20000
    traffic.write(path, count)
    local cap = assert(pcap.open_live { device = a, timeout = 2 })
    local finish = traffic.start(path, b, 50000)
    local received, changes = 0, 0
    repeat
      for pkt in cap:packets(100) do
        received = received + 1
        assert.equal(received, tonumber(ffi.string(pkt.data + 14, 8)))
      end
      changes = changes + 1
      assert(cap:set_filter(changes % 2 == 0 and "ether proto 0x88b5" or "len > 10"))
    until cap:ending() == "timeout"
    finish()
    os.remove(path)
    assert.equal(count, received)
    assert.is_true(changes > 100)
  end)
end)
