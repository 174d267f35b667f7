-- Recording inside a real nginx: captures streamed to clients, rotation with no packets, and the
-- packets before an error.

local net = require "spec.support.net"
local nginx = require "spec.support.nginx"
local pcap = require "pcap"
local resty = require "spec.support.resty"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

describe("recording in nginx #nginx #live", function()
  local t = {}
  resty.around(t, { setup = setup, teardown = teardown, before_each = before_each,
    after_each = after_each })

  local root = shell.run("pwd"):gsub("\n", "")

  -- A server with the example's locations.
  local function serve(more)
    t.server = nginx.start { connections = 64,
      prepare = ("cp %s/examples/openresty/recording.lua $PREFIX/module/"):format(root),
      http = 'init_by_lua_block { recording = require "recording" }\n' .. (more.http or ""),
      server = ([[
        location = /capture { content_by_lua_block {
          recording.stream { device = %q, buffer_size = 2097152 }
        } }
        location = /do { content_by_lua_block {
          ngx.req.read_body()
          ngx.say(assert(loadstring(ngx.req.get_body_data()))())
        } }
      ]]):format(t.a) .. (more.server or "") }
    return t.server
  end

  local function worker(server)
    return server:workers()[1]
  end

  local function resident(pid)
    return tonumber(shell.read(("/proc/%s/status"):format(pid)):match "VmRSS:%s*(%d+)")
  end

  -- A client in the background; call what it gives to wait for its end.
  local function client(server, arguments, path, query)
    local pipe = io.popen(("curl -s -N -m 30 %s -o %s 'http://127.0.0.1:%d/capture?%s'"):format(
      arguments, shell.quote(path), server.port, query))
    shell.run "sleep 0.3"
    return function()
      pipe:read "*a"
      pipe:close()
    end
  end

  local FILTER = "filter=ether+proto+0x88b5"

  it("streams a growing capture, which tshark reads", function()
    if not net.require_privilege(pending) then return end
    local server = serve {}
    local path = server.prefix .. "/out"
    local wait = client(server, "", path, "seconds=2&" .. FILTER)
    assert.is_true(resty.eventually(function() return #shell.read(path) > 0 end)) -- its header
    assert.equal(t.COUNT, (traffic.replay(t.packets, t.b, t.RATE)))
    assert.is_true(resty.eventually(function() return #shell.read(path) > t.COUNT * 60 end))
    wait()
    assert.equal(t.COUNT .. "\n", shell.run("tshark -r %s 2>/dev/null | wc -l", path))
    local cap, count = assert(pcap.open_offline(path)), 0
    for pkt in cap:packets() do
      count = count + 1
      assert.equal(count, tonumber(pkt:bytes(15, 22)))
    end
    local interface = cap:interfaces()[1]
    assert.equal(t.a, interface.name)
    assert.equal("ether proto 0x88b5", interface.filter)
    assert.equal(0, interface.dropped)
    assert.equal("", server:complaints())
  end)

  it("answers a wrong filter, and others meanwhile", function()
    if not net.require_privilege(pending) then return end
    local server = serve {}
    assert.matches("syntax error", (server:get "/capture?filter=no+filter"))
    local wait = client(server, "", "/dev/null", "seconds=1&" .. FILTER)
    local _, seconds = server:get "/hello"
    assert.is_true(seconds < 0.5, seconds)
    wait()
  end)

  it("ends when its client goes away", function()
    if not net.require_privilege(pending) then return end
    local server = serve {}
    local pid = worker(server)
    client(server, "-m 1", "/dev/null", "seconds=25&" .. FILTER)()
    assert.equal(1, resty.captures(pid)) -- no packet came, so it cannot know yet
    traffic.replay(t.packets, t.b, t.RATE)
    assert.is_true(resty.eventually(function()
      resty.run(server, "collectgarbage() collectgarbage() return ''")
      return resty.captures(pid) == 0
    end))
  end)

  it("drops and counts what a slow client does not take, with bounded memory", function()
    if not net.require_privilege(pending) then return end
    local server = serve {}
    local path = server.prefix .. "/out"
    -- More than the buffers of a connection hold.
    local many = traffic.write(server.prefix .. "/many.pcap", 600000)
    local before = resident(worker(server))
    local wait = client(server, "--limit-rate 1M -m 120", path, "seconds=4&" .. FILTER)
    local sent = traffic.replay(many, t.b, 200000)
    local grown = resident(worker(server)) - before
    wait()
    local cap, count = assert(pcap.open_offline(path)), 0
    for _ in cap:packets() do
      count = count + 1
    end
    assert.equal("closed", cap:ending())
    local interface = cap:interfaces()[1]
    assert.is_true(grown < 12 * 1024, grown .. " kB")
    assert.is_true(interface.dropped > 0)
    assert.equal(count .. "\n", shell.run("tshark -r %s 2>/dev/null | wc -l", path))
    -- What was received and not dropped is in the file, but for what was in the kernel's buffer
    -- when the time was up.
    assert.is_true(interface.received <= sent)
    assert.is_true(count <= interface.received - interface.dropped)
    assert.is_true(count > 20000, count)
    assert.equal("", server:complaints())
  end)

  it("begins the next file of a rotation when no packet comes", function()
    if not net.require_privilege(pending) then return end
    local server = serve {}
    resty.run(server, ([[
      closed = 0
      require "pcap.resty"
      dumper = assert(require("pcap").dumper { file = %q, rotate = { seconds = 1, clock = "wall",
        on_close = function() closed = closed + 1 end } })
      return ""]]):format(server.prefix .. "/%i.pcap"))
    assert.is_true(resty.eventually(function()
      return resty.run(server, "return closed") ~= "0"
    end) or resty.eventually(function() return resty.run(server, "return closed") ~= "0" end))
    assert.equal("true", resty.run(server, "return tostring(dumper:close())"))
    assert.equal(24, #shell.read(server.prefix .. "/1.pcap"))
    assert.equal("", server:complaints())
  end)

  it("saves the packets before an error of the server", function()
    if not net.require_privilege(pending) then return end
    local server = serve {
      http = ('init_worker_by_lua_block { recording.remember { device = %q, filter = %q } }')
        :format(t.a, traffic.FILTER),
      server = [[location = /broken {
        content_by_lua_block { ngx.exit(500) }
        log_by_lua_block { recording.save_on_error("$PREFIX") }
      }]] }
    assert.equal(t.COUNT, (traffic.replay(t.packets, t.b, t.RATE)))
    for _ = 1, 3 do
      server:get "/broken"
    end
    local name = resty.eventually(function()
      return server:log():match "(%S+%.pcap): 20000 packets"
    end)
    assert.is_string(name, server:log())
    assert.equal(1, select(2, server:log():gsub(" packets", "")))
    assert.equal(t.COUNT .. "\n", shell.run("tshark -r %s 2>/dev/null | wc -l", name))
    traffic.replay(t.packets, t.b, t.RATE) -- goes on
  end)
end)
