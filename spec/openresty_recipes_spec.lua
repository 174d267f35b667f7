-- The configuration and the recipes of docs/openresty.md, in a real nginx.

local net = require "spec.support.net"
local nginx = require "spec.support.nginx"
local resty = require "spec.support.resty"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

local document = shell.read "docs/openresty.md"

-- The first block of code after a heading.
local function code(heading, language)
  local from = assert(document:find("\n#+ " .. heading .. "\n"), heading)
  return assert(document:match("\n```" .. language .. "\n(.-)\n```", from), heading)
end

-- Replaces what stands in a text; it has to be there.
local function replace(text, old, new)
  local from, to = text:find(old, 1, true)
  assert(from, old .. " is not there")
  return text:sub(1, from - 1) .. new .. text:sub(to + 1)
end

describe("docs/openresty.md #nginx #live", function()
  local t = {}
  resty.around(t, { setup = setup, teardown = teardown, before_each = before_each,
    after_each = after_each })

  it("has a whole nginx.conf that counts the packets of each port", function()
    if not net.require_privilege(pending) then return end
    local text = code("A whole nginx.conf", "nginx")
    text = replace(text, "include /etc/nginx/modules-enabled/*.conf;", "") -- wants its own prefix
    text = replace(text, "http {", "http { access_log off;")
    text = replace(text, "ports[tcp.dest_port] = (ports[tcp.dest_port] or 0) + 1",
      "local port = tostring(tcp.dest_port) ports[port] = (ports[port] or 0) + 1")
    local stats = assert(document:match "\n(location = /stats {.-\n}\n)")
    text = replace(text, "location / {", stats .. "location / {")
    text = replace(text, "/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/init.lua;;",
      "$PREFIX/module/?.lua;$PREFIX/module/?/init.lua;/usr/share/lua/5.1/?.lua;;")
    text = replace(text, "/usr/local/lib/lua/5.1/?.so;;", "$PREFIX/module/?.so;;")
    text = replace(text, "127.0.0.1:8080", "127.0.0.1:$PORT")
    t.server = nginx.start { text = replace(text, "eth0", "lo"), workers = 1 }
    t.server:get "/"
    assert.is_truthy(resty.eventually(function()
      return t.server:get("/"):match(t.server.port .. " %d+\n")
    end))
    if pcall(require, "cjson") then
      local counts = require("cjson").decode((t.server:get "/stats"))
      assert.is_true(counts[tostring(t.server.port)] > 0)
    end
    assert.equal("", t.server:complaints())
  end)

  it("has a whole nginx.conf that Debian's nginx takes as it stands", function()
    if not net.require_privilege(pending) then return end
    shell.needs "nginx"
    if shell.run("ls /etc/nginx/modules-enabled | wc -l") == "0\n" then
      return shell.skip "needs Debian's nginx"
    end
    local folder, remove = shell.folder()
    finally(remove)
    local path = shell.write(folder .. "/nginx.conf", code("A whole nginx.conf", "nginx"))
    local output, status = shell.try("nginx -t -c %s -e %s -g %s", path, folder .. "/error.log",
      ("pid %s/nginx.pid;"):format(folder))
    assert.equal(0, status, output)
  end)

  it("has metrics for Prometheus, of all workers", function()
    if not net.require_privilege(pending) then return end
    local config = code("Metrics for Prometheus", "nginx")
    local server = config:match "server {\n(.*)\n}"
    server = replace(server, "listen 127.0.0.1:9113;", "")
    local lua = code("Metrics for Prometheus", "lua")
    lua = replace(lua, "ngx.timer.every(5", "ngx.timer.every(0.2")
    lua = replace(replace(lua, '"eth0"', ("%q"):format(t.a)), '"hash"', '"lb"')
    t.server = nginx.start { workers = 2, server = server,
      http = config:match "lua_shared_dict[^;]*;" .. [[ init_worker_by_lua_block {
        local live, on_packet = require "pcap.resty", function() end
        ]] .. lua .. "}" }
    shell.run "sleep 0.5"
    local sent = traffic.replay(t.packets, t.b, t.RATE)
    local function total(metrics)
      local sum = 0
      for worker in ("01"):gmatch "." do
        sum = sum + (metrics:match('pcap_packets_total{device="eth0",worker="' .. worker
          .. '"} (%d+)\n') or 0)
      end
      return sum
    end
    resty.eventually(function() return total((t.server:get "/metrics")) == sent end)
    assert.equal(sent, total((t.server:get "/metrics")))
    assert.equal("", t.server:complaints())
  end)
end)
