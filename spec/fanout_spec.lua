local pcap = require "pcap"
local shim = require "pcap.core.shim"
local net = require "spec.support.net"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

describe("set_fanout #live", function()
  local COUNT = 20000
  local a, b, remove_veth, caps, folder, remove_folder

  setup(function() folder, remove_folder = shell.folder() end)
  teardown(function() remove_folder() end)
  before_each(function()
    caps = {}
    if net.is_privileged() then
      a, b, remove_veth = net.veth()
    end
  end)

  after_each(function()
    for _, cap in ipairs(caps) do
      cap:close()
    end
    if remove_veth then
      remove_veth()
    end
  end)

  local function open(device)
    local cap = assert(pcap.open_live { device = device or a, buffer_size = 16777216 })
    caps[#caps + 1] = cap
    assert(cap:set_filter(traffic.FILTER))
    return cap
  end

  -- Notes how often each number was seen. Returns how many packets there were.
  local function read(cap, seen)
    local count = 0
    for pkt in cap:packets() do
      local number = tonumber(pkt:bytes(15, 22))
      seen[number] = (seen[number] or 0) + 1
      count = count + 1
    end
    assert.equal("timeout", cap:ending())
    return count
  end

  -- How often each number was seen, and how many packets each capture had.
  local function read_all(seen)
    shell.run "sleep 0.05"
    local counts = {}
    seen = seen or {}
    for i, cap in ipairs(caps) do
      counts[i] = read(cap, seen)
    end
    return seen, counts
  end

  local function assert_each_once(seen)
    for i = 1, COUNT do
      if seen[i] ~= 1 then
        error(("packet %d was seen %d times"):format(i, seen[i] or 0), 2)
      end
    end
  end

  local function packets()
    return traffic.write(folder .. "/numbered.pcap", COUNT)
  end

  it("shares the packets of an interface, each to one capture", function()
    shell.needs_linux "packet fanout"
    if not net.require_privilege(pending) then return end
    local cap = open()
    assert.equal(cap, (cap:set_fanout(4801, "lb")))
    assert(open():set_fanout(4801, "lb"))
    assert.equal(COUNT, traffic.replay(packets(), b, 50000))
    local seen, counts = read_all()
    assert_each_once(seen)
    -- "lb" deals them in turn.
    assert.same({ COUNT / 2, COUNT / 2 }, counts)
  end)

  it("keeps a flow together with hash, the default", function()
    shell.needs_linux "packet fanout"
    if not net.require_privilege(pending) then return end
    assert(open():set_fanout(4802))
    assert(open():set_fanout(4802, "hash"))
    assert.equal(COUNT, traffic.replay(packets(), b, 50000))
    local seen, counts = read_all()
    assert_each_once(seen)
    table.sort(counts)
    assert.same({ 0, COUNT }, counts)
  end)

  -- The kernel cannot say which packets came before a capture joined. A busy machine may stop the
  -- process in just that moment, so one round of several has to be perfect.
  it("lets captures join under traffic: no packet is lost, none is seen twice", function()
    shell.needs_linux "packet fanout"
    if not net.require_privilege(pending) then return end
    local perfect, message
    for _ = 1, 12 do
      assert(open():set_fanout(4803, "lb"))
      local finish = traffic.start(packets(), b, 40000)
      shell.run "sleep 0.15"
      for _ = 1, 3 do
        assert(open():set_fanout(4803, "lb"))
      end
      assert.equal(COUNT, finish())
      local seen, counts = read_all()
      assert.is_true(counts[2] > 0 and counts[2] < COUNT / 2, "it did not join under traffic")
      perfect, message = pcall(assert_each_once, seen)
      if perfect then return end
      while caps[1] do
        table.remove(caps):close()
      end
    end
    error(message)
  end)

  local ROLLOVER = { rollover = true }

  it("loses no packet and sees none twice with rollover, whenever captures join", function()
    shell.needs_linux "packet fanout"
    if not net.require_privilege(pending) then return end
    assert(open():set_fanout(4806, "lb", ROLLOVER))
    local finish = traffic.start(packets(), b, 40000)
    shell.run "sleep 0.1"
    for _ = 1, 3 do
      assert(open():set_fanout(4806, "lb", ROLLOVER))
    end
    assert.equal(COUNT, finish())
    local seen, counts = read_all()
    assert.is_true(counts[2] > 0 and counts[2] < COUNT / 2, "it did not join under traffic")
    assert_each_once(seen)
    for _, cap in ipairs(caps) do
      assert.equal(0, cap:stats().dropped)
    end
  end)

  it("gives the others all packets of a capture that leaves, with rollover", function()
    shell.needs_linux "packet fanout"
    if not net.require_privilege(pending) then return end
    for _ = 1, 3 do
      assert(open():set_fanout(4807, "hash", ROLLOVER))
    end
    local finish = traffic.start(packets(), b, 40000)
    shell.run "sleep 0.1"
    -- One flow goes to one capture.
    local seen, leaver = {}, nil
    for _, cap in ipairs(caps) do
      leaver = read(cap, seen) > 0 and cap or leaver
    end
    assert.equal(1, shim.luapcap_ring_leave(leaver._ring))
    assert.equal(COUNT, finish())
    read(leaver, seen)
    shim.luapcap_ring_read_open(leaver._ring)
    read_all(seen)
    assert_each_once(seen)
  end)

  it("keeps the filter that the capture has, and what the capture counted before", function()
    shell.needs_linux "packet fanout"
    if not net.require_privilege(pending) then return end
    for _, flags in ipairs { {}, ROLLOVER } do
      local cap = open()
      assert(cap:set_filter "ether proto 0x88b6")
      assert(cap:set_fanout(4804, "hash", flags))
      assert.equal(COUNT, traffic.replay(packets(), b, 100000))
      assert.same({ 0 }, select(2, read_all()))
      assert(cap:set_filter(traffic.FILTER))
      traffic.replay(packets(), b, 50000)
      assert.same({ COUNT }, select(2, read_all()))
      table.remove(caps):close()
    end
  end)

  it("tells what cannot be", function()
    shell.needs_linux "packet fanout"
    if not net.require_privilege(pending) then return end
    assert(open():set_fanout(4805, "lb"))
    local joined, message = caps[1]:set_fanout(4806)
    assert.is_nil(joined)
    assert.equal(("pcap capture (live %s) is in fanout group 4805 already"):format(a), message)
    joined, message = open():set_fanout(4805, "hash")
    assert.is_nil(joined)
    assert.equal(a .. ": cannot join a fanout group: Invalid argument (all members of group 4805 "
      .. "need one interface, type and set of flags)", message)
    joined = open(b):set_fanout(4805, "lb")
    assert.is_nil(joined)
  end)

  it("takes flags", function()
    shell.needs_linux "packet fanout"
    if not net.require_privilege(pending) then return end
    assert(open():set_fanout(4807, "hash", { rollover = true, defrag = true }))
    assert.is_nil((open():set_fanout(4807)))
    assert(open():set_fanout(4807, "hash", { rollover = true, defrag = true }))
  end)
end)

describe("set_fanout", function()
  local dead = pcap.open_dead()

  it("makes no sense without an interface, and says so", function()
    assert.same({ nil, "pcap capture (dead EN10MB) has no interface to share" },
      { dead:set_fanout(1) })
  end)

  it("refuses what is not a group, a type or a flag", function()
    for _, id in ipairs { -1, 65536, 0.5, 0 / 0 } do
      assert.has_error(function() dead:set_fanout(id) end)
    end
    assert.has_error(function() dead:set_fanout(1, "fair") end, "bad argument #2 to 'set_fanout' "
      .. '("hash", "lb", "cpu", "rnd", "qm" or "rollover" expected, got "fair")')
    assert.has_error(function() dead:set_fanout(1, "lb", { sticky = true }) end,
      "bad argument #3 to 'set_fanout' (unknown option 'sticky')")
    dead:close()
    assert.has_error(function() dead:set_fanout(1) end)
    dead = pcap.open_dead()
  end)
end)
