-- Captures in the event loop of a real nginx. What needs no nginx is at the end.

local net = require "spec.support.net"
local resty = require "spec.support.resty"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

local switches, eventually = resty.switches, resty.eventually

describe("pcap.resty #nginx #live", function()
  local t = {}
  resty.around(t, { setup = setup, teardown = teardown, before_each = before_each,
    after_each = after_each })

  local function serve(opts)
    opts = opts or {}
    opts.device = t.a
    t.server = resty.serve(opts)
    return t.server
  end

  local function stats()
    return resty.stats(t.server)
  end

  it("counts exactly the packets that were sent at 50,000 a second", function()
    if not net.require_privilege(pending) then return end
    serve()
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    assert.equal(t.COUNT, sent)
    eventually(function() return stats().count == sent end)
    shell.run "sleep 0.1"
    assert.equal(sent, stats().count)
    assert.equal(sent, stats().packets)
    assert.is_true(stats().lag < 5)
    assert.equal("", t.server:complaints())
  end)

  it("counts them with the waiter that sleeps, too", function()
    if not net.require_privilege(pending) then return end
    serve { loop_options = 'waiter = "sleep"' }
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    eventually(function() return stats().count == sent end)
    assert.equal(sent, stats().count)
  end)

  it("shares the packets among two workers, each packet once", function()
    if not net.require_privilege(pending) then return end
    serve { workers = 2, loop_options = 'fanout = { id = 4711, type = "lb" }',
      callback = resty.KEEP_NUMBER, on_exit = resty.WRITE_NUMBERS }
    shell.run "sleep 0.3"
    assert.equal(t.COUNT, traffic.replay(t.packets, t.b, t.RATE))
    shell.run "sleep 0.3"
    t.server:stop "QUIT"
    local seen, total, each = resty.numbers(t.server)
    assert.equal(2, #each)
    assert.is_true(each[1] > 0 and each[2] > 0, table.concat(each, " and "))
    assert.equal(t.COUNT, total)
    for i = 1, t.COUNT do
      if seen[i] ~= 1 then
        error(("packet %d was seen %d times"):format(i, seen[i] or 0))
      end
    end
    assert.equal("", t.server:complaints())
  end)

  it("wakes up at most three times a second while nothing comes, and burns nothing", function()
    if not net.require_privilege(pending) then return end
    serve()
    shell.run "sleep 1"
    local worker = t.server:workers()[1]
    assert.equal("2\n", shell.run("ls /proc/%s/task | wc -l", worker))
    local function ticks()
      return tonumber(shell.run("awk '{ print $14 + $15 }' /proc/%s/stat", worker))
    end
    local before, ticks_before = switches(worker), ticks()
    shell.run "sleep 6"
    local woken = switches(worker) - before
    assert.is_true(woken <= 18, woken .. " wake-ups in 6 seconds")
    assert.is_true(woken > 0, "no heartbeat")
    assert.is_true(ticks() - ticks_before <= 2)
  end)

  -- How often the worker and its thread wake up for packets that come at some rate, and whether
  -- none was lost.
  local function wakeups(options, path, rate)
    serve { loop_options = options }
    local worker = t.server:workers()[1]
    shell.run "sleep 0.3"
    local before = switches(worker)
    local sent = traffic.replay(path, t.b, rate)
    local has_all = eventually(function() return stats().count == sent end)
    local woken = switches(worker) - before
    t.server:remove()
    t.server = nil
    return woken, has_all
  end

  it("rests while packets come fast, without the thread, for several blocks at once", function()
    if not net.require_privilege(pending) then return end
    local path = shell.file()
    finally(function() os.remove(path) end)
    traffic.write(path, 100000)
    local seen = {}
    for i = 1, 5 do -- a busy machine may itself wake up a worker less often
      local resting, has_all = wakeups("", path, 100000)
      local at_once = wakeups("coalesce = 0", path, 100000)
      if has_all and resting < at_once / 2 then
        return
      end
      seen[i] = ("%d and %d wake-ups"):format(resting, at_once)
    end
    error(table.concat(seen, "\n"))
  end)

  it("rests in immediate mode without the thread", function()
    if not net.require_privilege(pending) then return end
    local woken, has_all = wakeups("immediate = true, snaplen = 100", t.packets, 20000)
    assert.is_true(has_all)
    -- A second of packets, and a wake-up in each millisecond.
    assert.is_true(woken < 1800, woken .. " wake-ups")
  end)

  it("waits in a thread that takes none of the worker's signals", function()
    if not net.require_privilege(pending) then return end
    serve()
    local worker = t.server:workers()[1]
    local thread = resty.eventually(function()
      return shell.run("ls /proc/%s/task", worker):gsub("%f[%d]" .. worker .. "\n", "")
        :match "%d+"
    end)
    local blocked = shell.run("sed -n 's/^SigBlk:.//p' /proc/%s/task/%s/status", worker, thread)
    -- All but KILL and STOP, which nothing blocks, and two that the C library keeps for itself.
    assert.equal("fffffffe7ffbfeff\n", blocked)
  end)

  -- Ten answers' times, from a worker whose callback takes 100 us for each packet: 10,000 a second
  -- at the most, of 50,000 that come. And whether it was behind until the last.
  local function answer_in_overload()
    serve { callback = [[count = count + 1
      local clock = require("pcap.core.shim").luapcap_monotonic
      local till = clock() + 0.0001
      while clock() < till do end]] }
    local finish = traffic.start(t.packets, t.b, t.RATE)
    shell.run "sleep 0.1"
    local times = {}
    for i = 1, 10 do
      local body
      body, times[i] = t.server:get "/hello"
      assert.equal("hello\n", body)
    end
    local was_behind = stats().count < t.COUNT
    finish()
    assert.is_true(stats().count > 0)
    assert.equal("", t.server:complaints())
    t.server:remove()
    t.server = nil
    return times, was_behind
  end

  it("answers HTTP within 100 ms while the callback is slower than the input", function()
    if not net.require_privilege(pending) then return end
    -- A shared machine stands still for as long now and then: once more is fair. A worker that
    -- does not get round to HTTP is slow each time.
    local times, was_behind
    for _ = 1, 3 do
      times, was_behind = answer_in_overload()
      if math.max(unpack(times)) < 0.1 then
        assert.is_true(was_behind, "there was no overload to speak of")
        return
      end
    end
    error("slow answers: " .. table.concat(times, " "))
  end)

  it("survives a callback that raises: logged with its traceback, counted", function()
    if not net.require_privilege(pending) then return end
    serve { callback = 'count = count + 1 error("the callback broke")' }
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    eventually(function() return stats().count == sent end)
    assert.equal(sent, stats().count)
    assert.equal(sent, stats().callback_errors)
    local log = t.server:log()
    assert.truthy(log:find("pcap.resty: " .. t.a .. ": callback error 1: ", 1, true))
    assert.truthy(log:find("callback error 1: init_worker_by_lua%b():%d+: the callback broke"))
    assert.truthy(log:find("stack traceback", 1, true))
    assert.is_true(select(2, log:gsub("the callback broke", "")) < 100, "the log was flooded")
    assert.equal("", t.server:complaints "callback")
  end)

  it("looks at the kernel's counters by itself, and keeps the longest lag for all", function()
    if not net.require_privilege(pending) then return end
    -- One packet is held up for 0.3 s, all others for less.
    serve { callback = [[count = count + 1
      if count == 2 then
        local clock = require("pcap.core.shim").luapcap_monotonic
        local till = clock() + 0.3
        while clock() < till do end
      end]] }
    resty.run(t.server, [[
      looks = 0
      local cap = loop.capture
      local stats = cap.stats
      cap.stats = function(self) looks = looks + 1 return stats(self) end]])
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    local function value(name)
      return tonumber(resty.run(t.server, "return " .. name))
    end
    assert.is_true(eventually(function() return value "count" == sent end))
    assert.is_true(eventually(function() return value "looks" > 1 end))
    assert.is_true(stats().max_lag >= 0.3)
    assert.is_true(stats().max_lag >= 0.3 and stats().recent_lag == stats().max_lag)
    assert.equal(sent, stats().received)
  end)

  it("changes the filter while it runs; a bad one changes nothing", function()
    if not net.require_privilege(pending) then return end
    serve()
    assert.truthy(resty.run(t.server, 'return select(2, loop:set_filter("no such filter"))')
      :find("syntax error", 1, true))
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    eventually(function() return stats().count == sent end)
    assert.equal(sent, stats().count)
    resty.run(t.server, 'return tostring(loop:set_filter("ether proto 0x88b6"))')
    traffic.replay(t.packets, t.b, t.RATE)
    shell.run "sleep 0.1"
    assert.equal(sent, stats().count)
  end)

  it("filters by itself where the kernel does not take so large a filter, and says so", function()
    if not net.require_privilege(pending) then return end
    serve()
    local warning = resty.run(t.server, [[
      local pcap, terms = require "pcap", {}
      for i = 1, 2100 do terms[i] = ("ether[14:4] = 0x%08x"):format(i) end
      terms[#terms + 1] = "ether[14:4] = 0x30303031" -- packets 10000 to 19999
      local filter = pcap.compile(table.concat(terms, " or "), { optimize = false })
      return select(2, loop:set_filter(filter))]])
    assert.matches("copies every packet", warning)
    traffic.replay(t.packets, t.b, t.RATE)
    eventually(function() return stats().count == 10000 end)
    assert.equal(10000, stats().count)
  end)

  it("stops when told to, in the callback too, and delivers no packet after that", function()
    if not net.require_privilege(pending) then return end
    serve { callback = "count = count + 1 if count == 1000 then loop:stop() end" }
    traffic.replay(t.packets, t.b, t.RATE)
    assert.is_true(eventually(function() return stats().ended == "closed" end))
    assert.equal(1000, stats().count)
    assert.equal(1000, stats().packets)
    assert.truthy(resty.run(t.server, "return tostring(loop.capture)"):find("closed", 1, true))
    assert.equal("1\n", shell.run("ls /proc/%s/task | wc -l", t.server:workers()[1]))
    assert.equal("", t.server:complaints())
  end)

  it("ends with libpcap's message when its interface is deleted", function()
    if not net.require_privilege(pending) then return end
    serve()
    assert.equal("nil", stats().ended)
    assert.equal(("pcap loop (%s, running)"):format(t.a), resty.run(t.server,
      "return tostring(loop)"))
    t.remove_veth()
    assert.is_true(eventually(function() return stats().ended ~= "nil" end))
    assert.equal(t.a .. ": The interface disappeared", stats().ended)
    assert.equal(("pcap loop (%s, ended: The interface disappeared)"):format(t.a),
      resty.run(t.server, "return tostring(loop)"))
    local line = ("pcap.resty: %s: the loop has ended: The interface disappeared"):format(t.a)
    assert.truthy(t.server:complaints():find(line, 1, true))
    assert.equal("", t.server:complaints "pcap%.resty")
  end)

  it("says at once that a socket cannot be made where TMPDIR points", function()
    if not net.require_privilege(pending) then return end
    for waiter, answer in pairs { thread = "nil", sleep = "pcap loop (" .. t.a .. ", running)" } do
      serve { main = "user root;\nenv TMPDIR;", launcher = "env TMPDIR=/proc/none",
        loop_options = ("waiter = %q"):format(waiter) }
      assert.equal(answer, resty.run(t.server, "return tostring(loop)"))
      assert.equal(waiter == "thread", t.server:log():find(("%s: cannot make a socket in "
        .. "/proc/none: No such file or directory"):format(t.a), 1, true) ~= nil)
      assert.equal(waiter == "thread" and 0 or 1, resty.captures(t.server:workers()[1]))
      t.server:remove()
    end
    t.server = nil
  end)

  it("begins later if nginx has no timer free for it", function()
    if not net.require_privilege(pending) then return end
    serve { http = [[
      lua_max_running_timers 1;
      init_by_lua_block {
        function hold()
          ngx.timer.at(0, function() ngx.sleep(1) end)
          return options
        end
      }]], source = "hold()" }
    assert.equal(("pcap loop (%s, starting)"):format(t.a), resty.run(t.server,
      "return tostring(loop)"))
    local function is_running()
      return resty.run(t.server, "return tostring(loop)"):find("running", 1, true)
    end
    assert.truthy(eventually(is_running) or eventually(is_running))
    assert.truthy(t.server:log():find("pcap.resty: " .. t.a .. ": the loop has not begun", 1, true))
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    eventually(function() return stats().count == sent end)
    assert.equal(sent, stats().count)
  end)

  it("goes on when its interface was down, without spinning meanwhile", function()
    if not net.require_privilege(pending) then return end
    serve()
    shell.run("ip link set %s down", t.a)
    shell.run "sleep 0.5"
    local worker = t.server:workers()[1]
    local before = switches(worker)
    shell.run "sleep 1"
    assert.is_true(switches(worker) - before < 100, switches(worker) - before .. " wake-ups")
    assert.equal("nil", stats().ended)
    shell.run("ip link set %s up", t.a)
    shell.run "sleep 0.5"
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    eventually(function() return stats().count == sent end)
    assert.equal(sent, stats().count)
    assert.equal("", t.server:complaints())
  end)

  it("ends soon after QUIT, and on TERM, again and again", function()
    if not net.require_privilege(pending) then return end
    for i = 1, 10 do
      serve()
      local finish = i % 2 == 0 and traffic.start(t.packets, t.b, t.RATE)
      shell.run "sleep 0.1"
      local seconds = t.server:stop(i < 6 and "QUIT" or "TERM")
      assert.is_true(seconds and seconds < 8, "took " .. tostring(seconds))
      if finish then
        finish()
      end
      assert.equal("", t.server:complaints())
      t.server:remove()
    end
    t.server = nil
  end)

  it("sees no packet twice and loses few when nginx is reloaded under traffic", function()
    if not net.require_privilege(pending) then return end
    serve { loop_options = 'fanout = { id = 4712, type = "lb" }',
      callback = resty.KEEP_NUMBER, on_exit = resty.WRITE_NUMBERS }
    local old = t.server:workers()[1]
    local finish = traffic.start(t.packets, t.b, 20000)
    shell.run "sleep 0.3"
    t.server:signal "HUP"
    assert.equal(t.COUNT, finish())
    local read
    eventually(function() -- the new worker has read what there is
      local before = read
      read = resty.run(t.server, "return #ids")
      return read == before
    end)
    assert.not_equal(old, t.server:workers(true)[1])
    t.server:stop "QUIT"
    local seen, total, each = resty.numbers(t.server)
    assert.equal(2, #each)
    for number, times in pairs(seen) do
      assert.equal(1, times, "packet " .. number)
    end
    -- None on a quiet machine, a few on a busy one.
    assert.is_true(total >= t.COUNT - 100, t.COUNT - total .. " lost")
    assert.equal("", t.server:complaints())
  end)

  it("leaks no descriptor over ten reloads", function()
    if not net.require_privilege(pending) then return end
    serve { workers = 2, loop_options = "fanout = { id = 4713 }" }
    local function descriptors()
      local counts = {}
      for i, pid in ipairs(t.server:workers(true)) do
        counts[i] = resty.descriptors(pid)
      end
      table.sort(counts)
      return resty.descriptors(t.server:pid()) .. ": " .. table.concat(counts, ", ")
    end
    local before = resty.settled(descriptors)
    assert.matches("^%d+: %d+, %d+$", before)
    for _ = 1, 10 do
      t.server:reload()
    end
    assert.equal(before, resty.settle(before, descriptors))
    assert.equal("", t.server:complaints())
  end)

  it("does not crash with lua_code_cache off, where each request has a Lua state", function()
    if not net.require_privilege(pending) then return end
    serve { http = "lua_code_cache off;", callback = resty.KEEP_NUMBER,
      on_exit = resty.WRITE_NUMBERS, server = [[
      location = /wait { content_by_lua_block {
        local cap = assert(require("pcap.resty").open { device = "$DEVICE" })
        ngx.say(cap:wait(0.01))
        if ngx.var.arg_close then cap:close() end
      } }]] }
    for i = 1, 20 do
      assert.equal("niltimeout\n", (t.server:get("/wait" .. (i % 2 == 0 and "?close=1" or ""))))
    end
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    shell.run "sleep 0.2"
    t.server:stop "QUIT"
    assert.equal(sent, (select(2, resty.numbers(t.server))))
    assert.equal("", t.server:complaints "lua_code_cache is off")
  end)
end)
