local net = require "spec.support.net"
local pcap = require "pcap"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"
local monotonic = require("pcap.core.shim").luapcap_monotonic

-- What a loaded machine may add to a wait, in seconds.
local SLACK = 8

local frame = net.frame
local a, b, remove

local function live(sentence, test)
  it(sentence, function()
    if net.require_privilege(pending) then
      test()
    end
  end)
end

-- What a call gives, and how many seconds it took.
local function timed(call)
  local before = monotonic()
  local first, second = call()
  return monotonic() - before, first, second
end

describe("Waiting on a live capture", function()
  setup(function()
    if net.is_privileged() then a, b, remove = net.veth() end
  end)
  teardown(function()
    if remove then remove() end
  end)

  live("does not happen with a timeout of 0", function()
    local cap = pcap.open_live(a)
    local seconds = timed(function()
      for _ = 1, 100 do
        assert.same({ nil, "timeout" }, { cap:next() })
      end
    end)
    assert.is_true(seconds < SLACK, seconds)
  end)

  live("lasts as long as the timeout on an idle link, and no longer", function()
    for _, timeout in ipairs { 0.2, 0.05, 0.013 } do
      local cap = pcap.open_live(a, 0, false, timeout)
      for _, read in ipairs { cap.next, cap.next_packet } do
        local seconds, pkt, reason = timed(function() return read(cap) end)
        assert.is_nil(pkt)
        assert.equal("timeout", reason)
        assert.is_true(seconds >= timeout, seconds)
        assert.is_true(seconds < timeout + SLACK, seconds)
      end
    end
  end)

  live("ends a loop over packets, whose ending is timeout", function()
    local cap = pcap.open_live(a, 0, false, 0.1)
    pcap.open_live(b):inject(frame("one"))
    local seen = 0
    local seconds = timed(function()
      for _ in cap:packets() do seen = seen + 1 end
    end)
    assert.equal(1, seen)
    assert.equal("timeout", cap:ending())
    assert.is_true(seconds >= 0.1 and seconds < 0.1 + SLACK, seconds)
    assert.same({ nil, "timeout" }, { cap:next() })
  end)

  live("is not prolonged by packets that the filter rejects", function()
    local cap = pcap.open_live(a, 0, false, 0.3):set_filter("ether proto 0x1234")
    local pipe = process.start(([[
      local cap = assert(require("pcap").open_live(%q))
      local monotonic = require("pcap.core.shim").luapcap_monotonic
      local deadline = monotonic() + 3
      repeat
        assert(cap:inject(%q))
        os.execute("sleep 0.01")
      until monotonic() > deadline
    ]]):format(b, frame("noise")))
    finally(function() pipe:close() end)
    for _ = 1, 3 do
      local seconds, pkt, reason = timed(function() return cap:next() end)
      assert.is_nil(pkt)
      assert.equal("timeout", reason)
      assert.is_true(seconds >= 0.3 and seconds < 0.3 + SLACK, seconds)
    end
  end)

  live("ends within 50 ms of a packet on the wire", function()
    for _, method in ipairs { "next", "next_packet" } do
      local best = math.huge
      for _ = 1, 5 do
        local cap = pcap.open_live(a, 0, false, 10)
        local sent_at = net.send_later(b, 0.1, frame("here"))
        local pkt, reason = cap[method](cap)
        local now = monotonic()
        assert.is_truthy(pkt, reason)
        best = math.min(best, now - sent_at())
        if best < 0.05 then
          break
        end
      end
      assert.is_true(best > 0 and best < 0.05, best)
    end
  end)

  live("may be for ever", function()
    local cap = pcap.open_live(a, 0, false, math.huge)
    local sent_at = net.send_later(b, 0.3, frame("at last"))
    assert.equal(frame("at last"), (cap:next()))
    sent_at()
  end)

  live("uses no processor time", function()
    local cap = pcap.open_live(a, 0, false, 0.5)
    local before = os.clock()
    cap:next()
    assert.is_true(os.clock() - before < 0.2)
  end)

  -- Another process waits while a timer's signal comes every 5 ms, to a handler that does nothing.
  local function wait_under_signals(timeout)
    local output = process.lua(([[
      local ffi = require "ffi"
      ffi.cdef "typedef struct { long interval[2], value[2]; } luapcapspec_timer;"
      ffi.cdef "void *signal(int, int (*)(int)); int abs(int);"
      ffi.cdef "int setitimer(int, const luapcapspec_timer *, void *); int poll(void *, long, int);"
      local pcap = require "pcap"
      local monotonic = require("pcap.core.shim").luapcap_monotonic
      local cap = assert(pcap.open_live(%q, 0, false, %s))
      ffi.C.signal(14, ffi.C.abs)
      ffi.C.setitimer(0, ffi.new("luapcapspec_timer", { { 0, 5000 }, { 0, 5000 } }), nil)
      assert(ffi.C.poll(nil, 0, 1000) == -1 and ffi.errno() == 4, "no signal came")
      local before = monotonic()
      local pkt, reason = cap:next()
      print(monotonic() - before, pkt and #pkt, reason)
    ]]):format(a, timeout))
    local seconds, length, reason = output:match("^(%S+)\t(%S+)\t(%S+)\n$")
    assert.is_truthy(seconds, output)
    return tonumber(seconds), length, reason
  end

  live("gathers packets in immediate mode, so that not each of them wakes up the reader", function()
    local cap = assert(pcap.open_live { device = a, timeout = 2, immediate = true, snaplen = 100,
      coalesce = 0.05 })
    local path, count = shell.file(), 1000
    traffic.write(path, count)
    local function switches()
      return tonumber(shell.read("/proc/self/status"):match "\nvoluntary_ctxt_switches:%s*(%d+)")
    end
    local before, received = switches(), 0
    local finish = traffic.start(path, b, 1000)
    for _ in cap:packets(count) do received = received + 1 end
    local woken = switches() - before
    finish()
    os.remove(path)
    assert.equal(count, received)
    assert.is_true(woken < count / 4, woken .. " switches")
  end)

  -- Reads packets that come fast. Gives how often the reader woke up, and how late the latest of
  -- 99 % of the packets were read, in seconds.
  local function read_fast(path, count, opts)
    local output = process.lua(([[
      local net, shim = require "spec.support.net", require "pcap.core.shim"
      local shell, traffic = require "spec.support.shell", require "spec.support.traffic"
      local cap = assert(require("pcap").open_live { device = %q, timeout = 2, snaplen = 100, %s })
      local clock, late, received = require("pcap.packet").new(0), {}, 0
      local function switches()
        local status = shell.read "/proc/self/status"
        return tonumber(status:match "\nvoluntary_ctxt_switches:%%s*(%%d+)")
      end
      local finish = traffic.start(%q, %q, 100000)
      local before = switches()
      for pkt in cap:packets(%d) do
        received = received + 1
        if received %% 16 == 0 then
          shim.luapcap_now(clock)
          late[#late + 1] = clock.sec - pkt.sec + (clock.nsec - pkt.nsec) / 1e9
        end
      end
      local woken = switches() - before
      finish()
      table.sort(late)
      print(received, woken, late[math.ceil(#late * 0.99)])
    ]]):format(a, opts, path, b, count))
    local received, woken, latest = output:match "^(%d+)\t(%d+)\t(%S+)\n$"
    return assert(tonumber(woken), output), tonumber(latest), tonumber(received)
  end

  live("rests for several blocks while packets come fast, and keeps none for 50 ms", function()
    local path, count = shell.file(), 100000
    finally(function() os.remove(path) end)
    traffic.write(path, count)
    local seen = {}
    for i = 1, 6 do -- a busy machine may itself keep packets, or wake up a reader less often
      local resting, latest, received = read_fast(path, count, "")
      local at_once = read_fast(path, count, "coalesce = 0")
      seen[i] = ("%d and %d wake-ups, %.4f s, %d packets")
        :format(resting, at_once, latest, received)
      if resting < at_once * 0.75 and latest < 0.05 and received == count then
        return
      end
    end
    error(table.concat(seen, "\n"))
  end)

  live("is neither shortened nor broken by a signal", function()
    local seconds, length, reason = wait_under_signals(0.3)
    assert.equal("nil timeout", length .. " " .. reason)
    assert.is_true(seconds >= 0.3 and seconds < 0.3 + SLACK, seconds)
  end)

  live("gets its packet though signals come", function()
    local sent_at = net.send_later(b, 0.5, frame("between signals"))
    local seconds, length = wait_under_signals(10)
    sent_at()
    assert.equal(tostring(#frame("between signals")), length)
    assert.is_true(seconds < 10, seconds)
  end)

  live("ends with a message when the interface goes away, and again at each call", function()
    local gone, _, remove_both = net.veth()
    finally(remove_both)
    local cap = pcap.open_live(gone, 0, false, 10)
    local pipe = io.popen("sleep 0.3; ip link del " .. gone)
    local seconds, pkt, reason = timed(function() return cap:next() end)
    pipe:close()
    assert.is_nil(pkt)
    assert.matches("[Ii]nterface", reason)
    assert.is_true(seconds < 5, seconds)
    local before = os.clock()
    for _ = 1, 2 do
      seconds, pkt, reason = timed(function() return cap:next() end)
      assert.is_nil(pkt)
      assert.matches("[Ii]nterface", reason)
      assert.is_true(seconds < 5, seconds)
    end
    for _ in cap:packets() do error "a packet" end
    assert.matches("[Ii]nterface", cap:ending())
    assert.is_true(os.clock() - before < 0.5)
  end)

  live("delivers what came before the interface went away", function()
    local gone, other, remove_both = net.veth()
    finally(remove_both)
    -- The kernel hands its block over long after the interface is gone.
    local cap = pcap.open_live { device = gone, timeout = 2, buffer_timeout = 0.7 }
    local sender = pcap.open_live(other)
    for i = 1, 3 do
      sender:inject(frame("packet " .. i))
    end
    remove_both()
    local seen = 0
    for pkt in cap:packets() do
      seen = seen + 1
      assert.equal(frame("packet " .. seen), pkt:bytes())
    end
    assert.equal(3, seen)
    assert.matches("[Ii]nterface", cap:ending())
  end)
end)
