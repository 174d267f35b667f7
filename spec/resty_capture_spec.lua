-- Captures that wait in a request of a real nginx; misuse, and use outside nginx.

local net = require "spec.support.net"
local nginx = require "spec.support.nginx"
local resty = require "spec.support.resty"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

describe("a capture of pcap.resty in a request #nginx #live", function()
  local t = {}
  resty.around(t, { setup = setup, teardown = teardown, before_each = before_each,
    after_each = after_each })

  -- Runs Lua in a request of an nginx that runs nothing else; `cap` is a capture.
  local function run(text)
    t.server = t.server or nginx.start { http = 'init_by_lua_block { live = require "pcap.resty" }',
      server = [[location = /do { content_by_lua_block {
        ngx.req.read_body()
        ngx.say(assert(loadstring(ngx.req.get_body_data()))())
      } }]] }
    return resty.run(t.server, ("local cap = assert(live.open { device = %q, filter = %q })\n")
      :format(t.a, traffic.FILTER) .. text)
  end

  -- Opens the capture `kept` in a timer, for several requests.
  local function keep(more)
    run(([[
      cap:close()
      kept = nil
      ngx.timer.at(0, function() kept = live.open { device = %q, filter = %q, %s } end)
      repeat ngx.sleep(0.01) until kept]]):format(t.a, traffic.FILTER, more or ""))
  end

  it("waits as long as it is told, while the worker serves others", function()
    if not net.require_privilege(pending) then return end
    local pipe
    run "return cap:close()"
    pipe = io.popen(("curl -s -m 10 -d %s http://127.0.0.1:%d/do"):format(shell.quote(([[
      local cap = assert(live.open { device = %q, filter = "ether proto 0x88b5" })
      ngx.update_time()
      local from = ngx.now()
      local ready, why = cap:wait(3)
      ngx.update_time()
      return tostring(ready) .. " " .. why .. " " .. ngx.now() - from]]):format(t.a)),
      t.server.port))
    shell.run "sleep 0.2"
    local body, seconds = t.server:get "/hello"
    assert.equal("hello\n", body)
    assert.is_true(seconds < 2, seconds)
    local answer, waited = pipe:read("*a"):match "^(.*) ([%d.]+)\n$"
    pipe:close()
    assert.equal("nil timeout", answer)
    assert.is_true(tonumber(waited) >= 2.999 and tonumber(waited) < 9, waited)
    assert.equal("", t.server:complaints())
  end)

  it("reads what is there by drain, and stops at its budget", function()
    if not net.require_privilege(pending) then return end
    run "return cap:close()"
    local finish = traffic.start(t.packets, t.b, t.RATE)
    local turns, all, ready = run([[
      local count, turns, clock = 0, 0, require("pcap.core.shim").luapcap_monotonic
      local ready = true
      while ready do
        ready = cap:wait(1)
        local n, why = cap:drain(function(pkt)
          if pkt.caplen ~= 60 then error("not ours") end
          local till = clock() + 0.00001
          while clock() < till do end
        end, 0.002)
        if why ~= nil and why ~= "budget" then return why end
        count, turns = count + n, turns + (why == "budget" and 1 or 0)
      end
      return turns .. " " .. count .. " " .. tostring(ready)]])
      :match "^(%d+) (%d+) (%S+)$"
    finish()
    -- 200 ms of work in turns of 2 ms.
    assert.is_true(tonumber(turns) > 20, turns .. " times over the budget")
    assert.is_true(tonumber(all) > 0 and tonumber(all) <= t.COUNT)
    assert.equal("nil", ready)
  end)

  it("is waited for again by a later request, and by one after an aborted wait", function()
    if not net.require_privilege(pending) then return end
    keep()
    for _ = 1, 3 do
      assert.equal("niltimeout", run "cap:close() return kept:wait(0.05)")
    end
    assert.equal("niltimeout", run [[
      cap:close()
      local thread = ngx.thread.spawn(function() kept:wait() end)
      ngx.sleep(0.05)
      ngx.thread.kill(thread)
      return kept:wait(0.05)]])
    assert.equal("nilclosed", run [[
      ngx.thread.spawn(function() ngx.sleep(0.05) cap:close() end)
      return cap:wait(5)]])
    assert.equal("", t.server:complaints())
  end)

  it("ends a rest between two wake-ups as it ends a wait", function()
    if not net.require_privilege(pending) then return end
    local path = shell.file()
    finally(function() os.remove(path) end)
    traffic.write(path, 5)
    local function resting(text)
      keep "immediate = true, snaplen = 100, coalesce = 20"
      traffic.replay(path, t.b, 1000)
      return run([[
        cap:close()
        local count = 0
        repeat -- a long budget: a drain that stops at its budget is followed by no rest
          count = count + kept:drain(function() end, 10)
        until count == 5
        ngx.update_time()
        local from = ngx.now()
        local function is_quick()
          ngx.update_time()
          return " " .. tostring(ngx.now() - from < 10)
        end]] .. text)
    end
    assert.equal("nil closed true", resting [[
      ngx.thread.spawn(function() ngx.sleep(0.05) kept:close() end)
      local ready, why = kept:wait()
      return tostring(ready) .. " " .. why .. is_quick()]])
    assert.equal("nil timeout true", resting [[
      local ready, why = kept:wait(0.1)
      return tostring(ready) .. " " .. why .. is_quick()]])
    assert.equal("nil timeout true", resting [[
      local thread = ngx.thread.spawn(function() kept:wait() end)
      ngx.sleep(0.05)
      assert(not pcall(kept.wait, kept, 0))
      ngx.thread.kill(thread)
      local ready, why = kept:wait(0.05)
      return tostring(ready) .. " " .. why .. is_quick()]])
    assert.equal("", t.server:complaints())
  end)

  it("is not for others while a light thread waits, in this request or another", function()
    if not net.require_privilege(pending) then return end
    local text = [[
      local function try(method, ...)
        local called, problem = pcall(kept[method], kept, ...)
        return tostring(called) .. ": " .. tostring(problem):gsub("^.-:%d+: ", "")
      end
      return try("wait", 0.01) .. ", " .. try("drain", print)]]
    local refused = ("false: calling '%s' on bad self: another light thread waits for the capture")
    refused = refused:format "wait" .. ", " .. refused:format "drain"
    for waiter, answer in pairs { thread = "niltimeout", sleep = "truenil" } do
      keep(("waiter = %q"):format(waiter))
      assert.equal(refused .. " " .. answer, run([[
        cap:close()
        local ready, why
        local thread = ngx.thread.spawn(function() ready, why = kept:wait(0.3) end)
        local answer = (function() ]] .. text .. [[ end)()
        ngx.thread.wait(thread)
        return answer .. " " .. tostring(ready) .. tostring(why)]]))
    end
    keep()
    local pipe = io.popen("curl -s -m 10 -d 'return kept:wait(2)' http://127.0.0.1:"
      .. t.server.port .. "/do")
    shell.run "sleep 0.5"
    assert.equal(refused, run("cap:close() " .. text))
    assert.equal("niltimeout\n", pipe:read "*a")
    pipe:close()
    assert.equal("true: nil, true: 0", run("cap:close() " .. text))
    assert.equal("", t.server:complaints())
  end)

  it("is for the next when a client has gone who waited", function()
    if not net.require_privilege(pending) then return end
    local server = nginx.start { http = [[
      init_by_lua_block { live = require "pcap.resty" }
      init_worker_by_lua_block {
        kept = assert(live.open { device = "]] .. t.a .. [[", filter = "ether proto 0x88b5" })
      }]], server = [[lua_check_client_abort on;
        location = /wait { content_by_lua_block {
          ngx.say(kept:wait(tonumber(ngx.var.arg_s)))
        } }]] }
    t.server = server
    assert.equal("niltimeout\n", (server:get "/wait?s=0.01"))
    shell.try("curl -s -m 0.3 'http://127.0.0.1:%s/wait?s=20'", server.port)
    shell.run "sleep 0.2"
    assert.equal("niltimeout\n", (server:get "/wait?s=0.01"))
    assert.equal("", server:complaints())
  end)

  it("may be closed by drain's callback, which ends the drain", function()
    if not net.require_privilege(pending) then return end
    run "return cap:close()"
    local finish = traffic.start(t.packets, t.b, t.RATE)
    assert.equal("1closed nilclosed", run [[
      local ready = cap:wait()
      local count, why = cap:drain(function() cap:close() end)
      local again, reason = cap:wait()
      return count .. why .. " " .. tostring(again) .. reason]])
    finish()
  end)

  it("passes an error in drain's callback to the caller, and goes on", function()
    if not net.require_privilege(pending) then return end
    run "return cap:close()"
    local finish = traffic.start(t.packets, t.b, t.RATE)
    local first, second = run([[
      repeat cap:wait() until cap:stats().received > 1000
      local raised, problem = pcall(cap.drain, cap, function() error("mine", 0) end)
      return tostring(raised) .. problem .. " " .. cap:drain(function() end)]]):match "(%S+) (%S+)"
    finish()
    assert.equal("falsemine", first)
    assert.is_true(tonumber(second) > 0)
  end)

  it("ends its wait soon after the worker is told to QUIT", function()
    if not net.require_privilege(pending) then return end
    run "return cap:close()"
    local pipe = io.popen(("curl -s -m 10 -d %s http://127.0.0.1:%d/do"):format(shell.quote(
      ('return live.open({ device = %q, filter = "ether proto 0x88b5" }):wait()')
      :format(t.a)), t.server.port))
    shell.run "sleep 0.3"
    local seconds = t.server:stop "QUIT"
    assert.equal("nilclosed\n", pipe:read "*a")
    pipe:close()
    assert.is_true(seconds < 8, seconds)
    assert.equal("", t.server:complaints())
  end)

  it("ends its wait then under traffic too, and with the waiter that sleeps", function()
    if not net.require_privilege(pending) then return end
    for _, waiter in ipairs { "thread", "sleep" } do
      run(([[
        cap:close()
        return ngx.timer.at(0, function()
          local cap = live.open { device = %q, waiter = %q }
          repeat
            local ready = cap:wait()
            cap:drain(function() end)
          until not ready
          cap:close()
        end)]]):format(t.a, waiter))
      local finish = traffic.start(t.packets, t.b, 4000)
      shell.run "sleep 0.3"
      local seconds = t.server:stop "QUIT"
      finish()
      assert.is_true(seconds and seconds < 8, waiter .. ": " .. tostring(seconds))
      t.server:remove()
      t.server = nil
    end
  end)

  it("keeps its timeout after any number of drains that found nothing", function()
    if not net.require_privilege(pending) then return end
    local seconds = run [[
      local clock, shortest = require("pcap.core.shim").luapcap_monotonic, math.huge
      for i = 1, 12 do
        local from = clock()
        local ready, why = cap:wait(0.01)
        if ready or why ~= "timeout" then return why end
        if i > 8 then shortest = math.min(shortest, clock() - from) end
        cap:drain(function() end)
      end
      return shortest]]
    assert.is_true(tonumber(seconds) >= 0.0099 and tonumber(seconds) < 0.5, seconds)
  end)

  local function held(worker)
    return ("%d captures, %d descriptors"):format(resty.captures(worker), resty.descriptors(worker))
  end

  it("is closed when its request ends, also by a client that goes", function()
    if not net.require_privilege(pending) then return end
    for _, waiter in ipairs { "thread", "sleep" } do
      local server = nginx.start { connections = 512, http = [[
        lua_check_client_abort on;
        init_by_lua_block { live = require "pcap.resty" }
        init_worker_by_lua_block { collectgarbage "stop" }]], server = ([[
        location = /wait { content_by_lua_block {
          local cap = assert(live.open { device = %q, filter = "ether proto 0x88b5",
            waiter = %q })
          if ngx.var.arg_how == "flush" then
            while true do
              ngx.say(("x"):rep(65536))
              if not ngx.flush(true) then return end
            end
          elseif ngx.var.arg_how == "error" then
            error "mine"
          elseif ngx.var.arg_how == "loop" then
            loop = live.start(cap, function() end)
            return
          end
          ngx.say(cap:wait(20))
        } }]]):format(t.a, waiter) }
      t.server = server
      local worker = server:workers()[1]
      server:get "/hello"
      local before = resty.settled(function() return held(worker) end)
      for i = 1, 6 do
        shell.try([[for client in 1 2 3 4 5 6; do
          curl -s -m 0.5 "http://127.0.0.1:"%s"/wait?how="%s >/dev/null &
        done
        wait]], server.port, i % 2 == 0 and "flush" or "wait")
      end
      -- Those of one round at the most: an opening closes what earlier requests have left.
      assert.is_true(resty.captures(worker) <= 12, held(worker))
      assert.equal(before, resty.settle(before, function() return held(worker) end))
      server:get "/wait?how=error"
      assert.equal(before, resty.settle(before, function() return held(worker) end))
      server:get "/wait?how=loop"
      shell.run "sleep 1.5"
      assert.equal(1, resty.captures(worker))
      assert.equal("", server:complaints "mine")
      server:remove()
    end
    t.server = nil
  end)

  it("leaves no descriptor and no thread when it is closed, or forgotten", function()
    if not net.require_privilege(pending) then return end
    run "cap:wait(0.01) return cap:close()"
    local worker = t.server:workers()[1]
    local function now()
      run "cap:close() cap = nil collectgarbage() collectgarbage() return 1"
      shell.run "sleep 1.2" -- the request's own pair goes within a second
      return resty.descriptors(worker) .. ", threads: "
        .. shell.run("ls /proc/%s/task | wc -l", worker)
    end
    local before = resty.settled(now)
    for i = 1, 10 do
      run(i % 2 == 0 and "cap:wait(0.01) return cap:close()" or "cap:wait(0.01) return 1")
    end
    assert.equal(before, resty.settle(before, now))
    run [[ -- one after the other in a request that goes on, without the collector's help
      collectgarbage "stop"
      for _ = 1, 30 do
        ngx.ctx = {} -- by which a waiter knows its request
        cap:wait(0.001)
      end
      cap:wait(0.001)
      local open = io.popen("ls /proc/" .. ngx.worker.pid() .. "/fd | wc -l")
      descriptors = open:read "*n"
      open:close()
      collectgarbage "restart"]]
    local most = tonumber(before:match "%d+") + 12
    assert.is_true(tonumber(run "return descriptors") < most, run "return descriptors")
  end)

  it("is opened and closed by a thread while the worker serves others", function()
    if not net.require_privilege(pending) then return end
    run "return cap:close()"
    local worker, calls = tostring(t.server:workers()[1]), shell.file()
    finally(function() os.remove(calls) end)
    shell.needs "strace"
    local pipe = io.popen(("timeout 3 strace -f -e trace=setsockopt,close -o %s -p %s 2>&1")
      :format(calls, worker))
    shell.run "sleep 1"
    run(([[
      cap:close()
      assert(live.open { device = %q, fanout = { id = 4714 } }):close()]]):format(t.a))
    pipe:read "*a"
    pipe:close()
    local log = shell.read(calls)
    local count = 0
    for opener, fd, from in log:gmatch "(%d+) +setsockopt%((%d+), SOL_PACKET, PACKET_RX_RING()" do
      count = count + 1
      assert.is_true(opener ~= worker, "the worker has made a ring, or taken it away")
      local closer = log:match("(%d+) +close%(" .. fd .. "%f[%D]", from)
      assert.is_true(closer and closer ~= worker, "closed by " .. tostring(closer))
    end
    assert.is_true(count >= 2) -- libpcap takes a ring away before it closes one
  end)

  it("joins a fanout group while the worker serves others", function()
    if not net.require_privilege(pending) then return end
    for _, rollover in ipairs { true, false } do -- which join in different ways
      assert.equal("true", run(([[
        cap:close()
        local turns = 0
        ngx.thread.spawn(function()
          while turns do
            turns = turns + 1
            ngx.sleep(0.001)
          end
        end)
        local member = assert(live.open { device = %q, buffer_timeout = 0.5,
          fanout = { id = 4714, rollover = %s } })
        local meanwhile = turns -- opening without joining takes some 20 ms
        turns = nil
        member:close()
        return tostring(meanwhile > 60 or meanwhile)]]):format(t.a, tostring(rollover))))
    end
    assert.equal("", t.server:complaints())
  end)

  it("leaves nothing when its light thread or its request ends while it is opened", function()
    if not net.require_privilege(pending) then return end
    run "return cap:close()"
    shell.run "sleep 1.5" -- the request's own pair goes within a second
    local worker = t.server:workers()[1]
    local before = resty.settled(function() return held(worker) end)
    local function begin_ten(prologue, epilogue, options, seconds)
      run(("cap:close() %s for _ = 1, 10 do %s end %s"):format(prologue, ([[
        local thread = ngx.thread.spawn(function() late = live.open { device = %q, %s } end)
        %s
        ngx.thread.kill(thread)]]):format(t.a, options or "",
        seconds and ("ngx.sleep(%g)"):format(seconds) or ""), epilogue))
      assert.equal(before, resty.settle(before, function() return held(worker) end))
    end
    begin_ten("collectgarbage 'stop'", "collectgarbage 'restart'")
    begin_ten("", "collectgarbage() collectgarbage()")
    begin_ten("ngx.timer.at(0, function()", "collectgarbage() collectgarbage() end)")
    begin_ten("", "collectgarbage() collectgarbage()",
      "buffer_timeout = 0.5, fanout = { id = 4714 }", 0.1) -- they join
    run(("cap:close() for _ = 1, 10 do %s end"):format(
      ("ngx.thread.spawn(function() late = live.open { device = %q } end)"):format(t.a)))
    run "return cap:close()"
    assert.equal(before, resty.settle(before, function() return held(worker) end))
    assert.equal("", t.server:complaints())
  end)

  it("is opened while a module is loaded, where nothing may wait", function()
    if not net.require_privilege(pending) then return end
    assert.equal("running", run(([[
      cap:close()
      package.preload["a module"] = function()
        return assert(live.start({ device = %q }, function() end))
      end
      local loop = require "a module"
      ngx.sleep(0.1)
      local state = tostring(loop):match "(%%w+)%%)$"
      loop:stop()
      return state]]):format(t.a)))
    assert.equal("", t.server:complaints())
  end)

  it("leaves its fanout group when it is closed", function()
    if not net.require_privilege(pending) then return end
    assert.equal("10", run(([[
      cap:close()
      local opened = 0
      for i = 1, 10 do
        local one = assert(live.open { device = %q,
          fanout = { id = 4713, type = i %% 2 == 0 and "hash" or "cpu" } })
        opened = opened + 1
        one:close()
      end
      return opened]]):format(t.a)))
  end)

  it("is given to a loop with the loop's options, which go before its own", function()
    if not net.require_privilege(pending) then return end
    run "return cap:close()"
    local text = [[
      local cap = assert(live.open { device = %q, on_exit = function() told = "old" end })
      loop = live.start(cap, function(pkt)
        local clock = require("pcap.core.shim").luapcap_monotonic
        local till = clock() + 0.001
        while clock() < till do end
      end, { on_exit = function(...) told = { ... } end, budget = %s })
      return tostring(loop)]]
    -- By their own budgets: a turn of packets that take 1 ms each has five of them, or hundreds.
    local turns = {}
    for i, budget in ipairs { "1e-6", "1" } do
      assert.equal(("pcap loop (%s, starting)"):format(t.a), run(text:format(t.a, budget)))
      local finish = traffic.start(t.packets, t.b, t.RATE)
      resty.eventually(function()
        return tonumber(run "cap:close() return loop:stats().packets") >= 100
      end)
      run "cap:close() return loop:stop()"
      assert.equal("closed true", resty.eventually(function()
        return run "cap:close() return told and told[1] .. ' ' .. tostring(told[2] == loop)"
      end))
      assert.equal(("pcap loop (%s, ended)"):format(t.a), run "cap:close() return tostring(loop)")
      turns[i] = tonumber(run [[cap:close() told = nil
        local stats = loop:stats()
        return stats.packets / stats.turns]])
      finish()
    end
    assert.is_true(turns[1] < 5 and turns[2] > 20, table.concat(turns, " and "))
    assert.equal("", t.server:complaints())
  end)

  it("names the argument that is wrong, at the caller's line", function()
    if not net.require_privilege(pending) then return end
    local function problem(text)
      return (run("local called, problem = pcall(function() " .. text .. " end) return problem")
        :gsub("^%b[]:%d+: ", "LINE: "))
    end
    assert.equal("LINE: bad argument #1 to 'open' (unknown option 'devise')",
      problem 'live.open { devise = "lo" }')
    assert.equal("LINE: bad argument #1 to 'start' (option 'waiter': \"thread\" or \"sleep\" "
      .. "expected, got \"poll\")", problem 'live.start({ waiter = "poll" }, print)')
    assert.equal("LINE: bad argument #2 to 'start' (function expected, got nil)",
      problem "live.start({})")
    assert.equal("LINE: bad argument #1 to 'drain' (function expected, got nil)",
      problem "cap:drain()")
    assert.equal("LINE: calling 'drain' on bad self: pcap capture has been closed",
      problem "cap:close() cap:drain(print)")
    for _, name in ipairs { "open", "start" } do
      assert.equal(("LINE: bad argument #1 to '%s' (option 'filter': string without NUL bytes "
        .. "expected, got table: "):format(name), (problem(
        ("live.%s({ filter = {} }, print)"):format(name)):gsub("0x%x+%)", "")))
    end
    assert.equal("LINE: bad argument #1 to 'start' (the capture has been closed)",
      problem "cap:close() live.start(cap, print)")
    assert.equal("LINE: bad argument #1 to 'start' (a loop has the capture already)",
      problem "live.start(cap, print) live.start(cap, print)")
    assert.equal("LINE: bad argument #3 to 'start' (option 'on_exit': function expected, got 7)",
      problem "live.start(cap, print, { on_exit = 7 })")
    assert.equal("LINE: bad argument #3 to 'start' (unknown option 'device')",
      problem "live.start(cap, print, { device = 'lo' })")
    assert.equal("LINE: bad argument #3 to 'start' (table expected, got function)",
      problem "live.start(cap, print, print)")
    for _, call in ipairs { "wait()", "drain(print)" } do
      assert.equal(("LINE: calling '%s' on bad self: a loop has the capture")
        :format(call:match "%a+"), problem("live.start(cap, print) cap:" .. call))
    end
    assert.equal("LINE: bad argument #1 to 'set_filter' (string expected, got number)",
      problem "live.start(cap, print):set_filter(7)")
    assert.equal("LINE: bad argument #1 to 'wait' (seconds expected, got -1)",
      problem "cap:wait(-1)")
    assert.equal("LINE: bad argument #1 to 'open' (option 'fanout': {id = 0 to 65535, type = "
      .. '"hash", "lb", "cpu", "rnd", "qm" or "rollover"} expected, got 7)',
      problem "live.open { fanout = 7 }")
    assert.truthy(run "return select(2, live.open { device = 'nosuchdevice' })"
      :find("nosuchdevice: ", 1, true))
    assert.truthy(run "return select(2, live.open { device = 'lo', filter = 'no such' })"
      :find("syntax error", 1, true))
  end)
end)

describe("pcap.resty", function()
  it("is resty.pcap, too, and tells pcap's version #nginx", function()
    local server = nginx.start { server = [[location = /names { content_by_lua_block {
      local live = require "resty.pcap"
      ngx.print(live == require "pcap.resty", " ", live._VERSION == require("pcap")._VERSION,
        " ", live._VERSION)
    } }]] }
    finally(function() server:remove() end)
    assert.matches("^true true %d+%.%d+%.%d+$", (server:get "/names"))
  end)

  it("says outside nginx where it runs", function()
    package.loaded["pcap.resty"] = nil
    local loaded, problem = pcall(require, "pcap.resty")
    assert.is_false(loaded)
    assert.truthy(problem:find("inside nginx only", 1, true))
  end)

  it("starts no loop before the workers are forked #nginx", function()
    if not shell.has "nginx" then
      return pending "needs nginx"
    end
    local started, problem = pcall(nginx.start, { main = "", http = [[
      init_by_lua_block { require("pcap.resty").start({ device = "lo" }, print) }]] })
    assert.is_false(started)
    assert.truthy(problem:find("init_by_lua:1: pcap.resty: 'start' runs in a worker", 1, true)
      or problem:find("pcap.resty: 'start' runs in a worker", 1, true))
  end)
end)
