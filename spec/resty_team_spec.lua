-- How workers of a stock nginx get to capture: each way that the README names, and each that it
-- says does not work.

local net = require "spec.support.net"
local nginx = require "spec.support.nginx"
local resty = require "spec.support.resty"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

local UNPRIVILEGED = "user nobody nogroup;"

describe("pcap.resty's privileges #nginx #live", function()
  local t = {}
  resty.around(t, { setup = setup, teardown = teardown, before_each = before_each,
    after_each = after_each })

  local function serve(opts)
    opts.device = opts.device or t.a
    t.server = resty.serve(opts)
    return t.server
  end

  -- Opens the captures in the master, one for each worker.
  local function serve_team(opts)
    opts.main, opts.workers = opts.main or UNPRIVILEGED, opts.workers or 2
    opts.http = ([[
      init_by_lua_block {
        team = assert(require("pcap.resty").open_all(ngx.worker.count(), { device = %q,
          filter = %q, buffer_size = 16777216, %s }))
      }]]):format(t.a, traffic.FILTER, opts.loop_options or "")
    opts.source = "team:take()"
    return serve(opts)
  end

  local function user_of(pid)
    return (shell.run("ps -o user= -p %s", pid):gsub("%s", ""))
  end

  local function count_of_one_worker()
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    resty.eventually(function() return resty.stats(t.server).count == sent end)
    assert.equal(sent, resty.stats(t.server).count)
    return sent
  end

  it("suffice with workers as root", function()
    if not net.require_privilege(pending) then return end
    serve { main = "user root;" }
    count_of_one_worker()
    assert.equal("root", user_of(t.server:workers()[1]))
  end)

  it("suffice when the master opens the captures: each packet to one worker, once", function()
    if not net.require_privilege(pending) then return end
    serve_team { loop_options = 'fanout = { id = 4720, type = "lb" }',
      callback = resty.KEEP_NUMBER }
    for _, pid in ipairs(t.server:workers()) do
      assert.equal("nobody", user_of(pid))
      assert.equal(1, resty.captures(pid))
    end
    assert.equal(2, resty.captures(t.server:pid()))
    assert.equal(2, #t.server:workers())
    assert.equal("", t.server:complaints())
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    assert.equal(t.COUNT, sent)
    shell.run "sleep 0.2"
    local total = 0
    local pids = {}
    for _ = 1, 50 do
      local pid, own = t.server:post("/do", "return ngx.worker.pid() .. ' ' .. #ids")
        :match "(%d+) (%d+)"
      if not pids[pid] then
        pids[pid], total = true, total + own
        assert.is_true(tonumber(own) > 0, "a worker saw nothing")
      end
    end
    assert.equal(sent, total)
  end)

  it("suffice for two teams on one device, each of which sees every packet", function()
    if not net.require_privilege(pending) then return end
    serve { main = UNPRIVILEGED, http = ([[
      init_by_lua_block {
        local open_all = require("pcap.resty").open_all
        team = assert(open_all(1, { device = %q, filter = %q }))
        other = assert(open_all(1, { device = %q, filter = %q }))
      }]]):format(t.a, traffic.FILTER, t.a, traffic.FILTER),
      source = "team:take()", server = [[location = /other { content_by_lua_block {
          seen = 0
          ngx.say(require("pcap.resty").start(other:take(), function() seen = seen + 1 end) ~= nil)
        } }]] }
    assert.equal("true\n", (t.server:get "/other"))
    local sent = count_of_one_worker()
    resty.eventually(function() return resty.run(t.server, "return seen") == tostring(sent) end)
    assert.equal(tostring(sent), resty.run(t.server, "return seen"))
  end)

  it("open nothing for nginx -t, and keep nginx from starting when they cannot open", function()
    if not net.require_privilege(pending) then return end
    serve_team { workers = 1 }
    local missing = { main = UNPRIVILEGED, http = [[init_by_lua_block {
      assert(require("pcap.resty").open_all(1, { device = "nosuchdevice" })) }]] }
    t.server:configure(missing)
    local output, status = t.server:command "-t"
    assert.equal(0, status, output)
    assert.truthy(output:find("test is successful", 1, true))
    t.server:stop()
    output, status = t.server:command ""
    assert.equal(1, status)
    assert.truthy(output:find("nosuchdevice: ", 1, true))
    -- What ngx.worker.count() gives where worker_processes is not set.
    missing.http = 'init_by_lua_block { require("pcap.resty").open_all(-1, {}) }'
    t.server:configure(missing)
    output, status = t.server:command ""
    assert.equal(1, status)
    assert.truthy(output:find("set worker_processes before the http block", 1, true), output)
  end)

  it("leak no descriptor over ten reloads, and each generation captures", function()
    if not net.require_privilege(pending) then return end
    serve_team { workers = 1 }
    count_of_one_worker()
    local function descriptors()
      return resty.descriptors(t.server:pid()) .. ", "
        .. resty.descriptors(t.server:workers(true)[1]) .. ", "
        .. shell.run("awk -v device=$(cat /sys/class/net/%s/ifindex) '$5 == device' "
          .. "/proc/net/packet | wc -l", t.a)
    end
    local before = resty.settled(descriptors)
    for _ = 1, 10 do
      t.server:reload()
    end
    assert.equal(before, resty.settle(before, descriptors))
    count_of_one_worker()
    assert.equal("", t.server:complaints())
  end)

  -- Ends the only worker with a signal, and waits for the one that replaces it.
  local function replace_worker(signal)
    local before = t.server:workers()[1]
    shell.run("kill -%s %s", signal, before)
    resty.eventually(function()
      local now = t.server:workers()[1]
      return now and now ~= before
    end)
  end

  it("let a worker that replaces a dead one read on", function()
    if not net.require_privilege(pending) then return end
    serve_team { workers = 1, loop_options = "buffer_size = 67108864" }
    for i = 1, 3 do
      local finish = i > 1 and traffic.start(t.packets, t.b, 20000)
      if i == 2 then
        resty.eventually(function() return resty.stats(t.server).count > 1000 end)
      elseif i == 3 then
        shell.run "sleep 0.6" -- the ring is read round and round
      end
      replace_worker "KILL"
      if finish then finish() end
      shell.run "sleep 0.1"
      resty.run(t.server, "count = 0")
      count_of_one_worker()
    end
    assert.equal("", t.server:complaints "exited on signal 9")
  end)

  it("let a worker that replaces one that left read on", function()
    if not net.require_privilege(pending) then return end
    serve_team { workers = 1, loop_options = "buffer_size = 67108864" }
    for i = 1, 2 do
      local finish = i > 1 and traffic.start(t.packets, t.b, 20000)
      replace_worker "QUIT"
      if finish then finish() end
      shell.run "sleep 0.1"
      resty.run(t.server, "count = 0")
      count_of_one_worker()
    end
    assert.equal("", t.server:complaints())
  end)

  it("tell such a worker to ask for a reload where its place is not known", function()
    if not net.require_privilege(pending) then return end
    serve_team { workers = 1, loop_options = "immediate = true, snaplen = 100" }
    local dead = t.server:workers()[1]
    shell.run("kill -KILL %s", dead)
    assert.truthy(resty.eventually(function()
      return t.server:log():find("worker 0 has died and left its capture", 1, true)
    end))
    assert.equal("hello\n", (t.server:get "/hello"))
    t.server:reload()
    local sent = traffic.replay(t.packets, t.b, 5000)
    resty.eventually(function() return resty.stats(t.server).count == sent end)
    assert.equal(sent, resty.stats(t.server).count)
  end)

  it("suffice with an ambient CAP_NET_RAW, as systemd's AmbientCapabilities gives it", function()
    if not net.require_privilege(pending) then return end
    serve { main = "", prepare = "chown -R nobody:nogroup $PREFIX",
      launcher = "setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps +net_raw "
        .. "--ambient-caps +net_raw --bounding-set -all,+net_raw" }
    count_of_one_worker()
    assert.equal("nobody", user_of(t.server:pid()))
    assert.equal("nobody", user_of(t.server:workers()[1]))
    assert.equal("", t.server:complaints())
  end)

  it("suffice with the capabilities that workers keep for proxy_bind transparent", function()
    if not net.require_privilege(pending) then return end
    serve { main = UNPRIVILEGED, server = [[
      location = /kept { proxy_pass http://127.0.0.1:1; proxy_bind $remote_addr transparent; }]] }
    count_of_one_worker()
    assert.equal("nobody", user_of(t.server:workers()[1]))
    assert.equal("", t.server:complaints())
  end)

  it("are missing by default: the failure names the ways", function()
    if not net.require_privilege(pending) then return end
    serve { main = UNPRIVILEGED }
    local log = t.server:log()
    for _, way in ipairs { "user root;", "open_all()", "AmbientCapabilities=CAP_NET_RAW",
      "proxy_bind $remote_addr transparent;", "setcap" } do
      assert.truthy(log:find(way, 1, true), way)
    end
    assert.truthy(log:find(t.a .. ": ", 1, true))
  end)

  it("do not come from setcap on the binary under a root master", function()
    if not net.require_privilege(pending) then return end
    serve { main = UNPRIVILEGED,
      prepare = "cp /usr/sbin/nginx $PREFIX/nginx && setcap cap_net_raw+ep $PREFIX/nginx",
      binary = "$PREFIX/nginx" }
    assert.truthy(t.server:log():find(t.a .. ": ", 1, true))
    assert.truthy(t.server:log():find("CAP_NET_RAW", 1, true))
  end)

  it("do not come from the privileged agent on Debian's build, which has none", function()
    if not net.require_privilege(pending) then return end
    t.server = nginx.start { main = UNPRIVILEGED, http = [[init_by_lua_block {
      enabled, problem = require("ngx.process").enable_privileged_agent() }]],
      server = [[location = /agent { content_by_lua_block { ngx.say(enabled, problem) } }]] }
    assert.truthy(t.server:get("/agent"):find("missing privileged agent process patch", 1, true))
    assert.equal("", (shell.try("ps -o args= --ppid %s | grep privileged", t.server:pid())))
  end)
end)
