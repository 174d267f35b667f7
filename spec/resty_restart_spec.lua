-- What a loop in a real nginx does when packets are lost, and when its device comes and goes.

local net = require "spec.support.net"
local resty = require "spec.support.resty"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

local eventually = resty.eventually

describe("A loop of pcap.resty #nginx #live", function()
  local t = {}
  resty.around(t, { setup = setup, teardown = teardown, before_each = before_each,
    after_each = after_each })

  local function serve(opts)
    opts.device = t.a
    t.server = resty.serve(opts)
    return t.server
  end

  local function run(text)
    return resty.run(t.server, text)
  end

  local function stats()
    return resty.stats(t.server)
  end

  local function state()
    return run "return tostring(loop)"
  end

  local function says(pattern)
    return select(2, t.server:log():gsub(pattern, ""))
  end

  -- The same pair as before, both ends up.
  local function come_back()
    shell.run("ip link add %s type veth peer name %s", t.a, t.b)
    shell.run("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1 net.ipv6.conf.%s.disable_ipv6=1; "
      .. "ip link set %s up; ip link set %s up", t.a, t.b, t.a, t.b)
  end

  local function receive_all()
    local before = stats().count
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    eventually(function() return stats().count == before + sent end)
    assert.equal(before + sent, stats().count)
  end

  -- A filter for the packets 10000 to 19999.
  local SECOND_HALF = "ether[14:4] = 0x30303031"

  local function receive_second_half()
    assert.is_true(eventually(function() return state():find "running" end) ~= nil)
    traffic.replay(t.packets, t.b, t.RATE)
    eventually(function() return stats().count == 10000 end)
    assert.equal(10000, stats().count)
    assert.equal("", t.server:complaints())
  end

  local SLOW = [[count = count + 1
    local clock = require("pcap.core.shim").luapcap_monotonic
    local till = clock() + 0.0002
    while clock() < till do end]]

  it("tells the log and on_drop of lost packets, once a second at the most", function()
    if not net.require_privilege(pending) then return end
    serve { callback = SLOW, loop_options = [[buffer_size = 524288, on_drop = function(n, which)
      told, times, right = (told or 0) + n, (times or 0) + 1, which == loop
      error "on_drop broke"
    end]] }
    local before = os.time()
    traffic.replay(t.packets, t.b, 15000)
    assert.is_true(eventually(function()
      return stats().dropped > 0 and run "return told" == tostring(stats().dropped)
    end))
    local lost, times = stats().dropped, tonumber(run "return times")
    assert.equal("true", run "return right")
    assert.equal(t.COUNT, stats().received) -- lost ones included
    assert.is_true(times >= 1 and times <= os.time() - before + 2, times)
    local line = "pcap.resty: %s: %%d+ packets were lost, because the buffer was full; %%d+ in all"
    assert.equal(times, says(line:format(t.a)))
    assert.equal(times, says("pcap.resty: " .. t.a .. ": on_drop: [^\n]*on_drop broke"))
    assert.truthy(t.server:log():find(("buffer was full; %d in all"):format(lost), 1, true))
  end)

  it("tells the rest of them when it ends", function()
    if not net.require_privilege(pending) then return end
    serve { callback = SLOW, loop_options = [[buffer_size = 524288, on_drop = function(n)
      told = (told or 0) + n
      loop:stop()
      stopped_at = stopped_at or count
    end]] }
    traffic.replay(t.packets, t.b, t.RATE)
    assert.is_true(eventually(function() return stats().ended == "closed" end))
    assert.equal(tostring(stats().count), run "return stopped_at")
    assert.is_true(stats().dropped > 0)
    assert.equal(tostring(stats().dropped), run "return told")
  end)

  it("goes on with its counts when its device was deleted and comes back", function()
    if not net.require_privilege(pending) then return end
    serve { loop_options = "restart = 0.2" }
    receive_all()
    local received = stats().received
    t.remove_veth()
    local waiting = ("pcap loop (%s, waiting: The interface disappeared)"):format(t.a)
    assert.is_true(eventually(function() return state() == waiting end))
    shell.run "sleep 0.6"
    assert.equal(received, stats().received)
    assert.equal("0", tostring(resty.captures(t.server:workers()[1])))
    come_back()
    local running = ("pcap loop (%s, running)"):format(t.a)
    assert.is_true(eventually(function() return state() == running end))
    receive_all()
    assert.equal(2 * t.COUNT, stats().packets)
    assert.equal(2 * t.COUNT, stats().received)
    assert.equal("nil", stats().ended)
    assert.equal(1, says("pcap.resty: " .. t.a .. ": the loop waits, and opens the device every "
      .. "0.2 s: The interface disappeared"))
    assert.equal(1, says("pcap.resty: " .. t.a .. ": the loop waits, and opens the device every "
      .. "0.2 s: No such device exists"))
    assert.equal(1, says("pcap.resty: " .. t.a .. ": the loop goes on"))
    assert.equal("", t.server:complaints())
    assert.equal(1, resty.captures(t.server:workers()[1]))
  end)

  it("begins before its device is there or up, with the filter that was set meanwhile", function()
    if not net.require_privilege(pending) then return end
    t.remove_veth()
    serve { loop_options = "restart = 0.1" }
    assert.matches("^" .. t.a .. ": No such device exists", run "return warning")
    assert.matches("waiting: No such device exists", state())
    assert.equal("nil", run "return tostring(loop.capture)")
    assert.equal("0", tostring(stats().received))
    run(("loop:set_filter(%q)"):format(SECOND_HALF))
    shell.run("ip link add %s type veth peer name %s", t.a, t.b)
    assert.is_true(eventually(function() return state():find "not up" end) ~= nil)
    shell.run("ip link set %s up; ip link set %s up", t.a, t.b)
    receive_second_half()
  end)

  -- Begins a loop and sets the filter while it joins its group.
  local function set_while_joining(filter)
    t.remove_veth()
    serve { loop_options = "restart = 0.05, buffer_timeout = 0.9, fanout = { id = 4730 }" }
    come_back()
    shell.run "sleep 0.4" -- joining takes 0.9 s
    run(("loop:set_filter(%q)"):format(filter))
  end

  it("has the filter that was set while it joined a group", function()
    if not net.require_privilege(pending) then return end
    set_while_joining(SECOND_HALF)
    receive_second_half()
  end)

  it("ends when a bad filter was set while it joined a group", function()
    if not net.require_privilege(pending) then return end
    set_while_joining "no such"
    assert.is_true(eventually(function() return state():find "ended: .*syntax error" end) ~= nil)
    assert.equal(0, says "opens the device every [^\n]*syntax error")
  end)

  it("stops at once while it waits for its device, and when the worker exits", function()
    if not net.require_privilege(pending) then return end
    t.remove_veth()
    for _, quits in ipairs { false, true } do
      serve { loop_options = "restart = 3600", on_exit = [[
        local file = io.open(ngx.config.prefix() .. "ended", "w")
        file:write(reason)
        file:close()]] }
      shell.run "sleep 0.2"
      if quits then
        assert.is_true(t.server:stop "QUIT" < 8)
      else
        run "loop:stop()"
        assert.is_true(eventually(function() return state():find "ended" end) ~= nil)
      end
      assert.equal("closed", shell.read(t.server.prefix .. "/ended"))
      assert.equal("", t.server:complaints())
      t.server:remove()
    end
    t.server = nil
  end)

  it("ends all the same for what no waiting mends: a bad filter, a missing privilege", function()
    if not net.require_privilege(pending) then return end
    t.server = nil
    serve { loop_options = 'restart = 0.1, filter = "no such"' }
    assert.equal("nil", state())
    assert.matches("syntax error", run "return warning")
    t.server:remove()
    serve { main = "user nobody nogroup;", loop_options = "restart = 0.1" }
    assert.equal("nil", state())
    assert.matches("CAP_NET_RAW", run "return warning")
    t.server:remove()
    serve { loop_options = "restart = 0.1" }
    assert.matches("option 'restart': seconds, up to 86400 expected, got 0", run [[
      return select(2, pcall(live.start, { restart = 0 }, print))]])
    t.remove_veth()
    assert.is_true(eventually(function() return state():find "waiting" end) ~= nil)
    run 'loop:set_filter("no such")'
    come_back()
    assert.is_true(eventually(function() return stats().ended ~= "nil" end))
    assert.matches("syntax error", stats().ended)
  end)
end)
