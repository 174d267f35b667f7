-- The demo in examples/openresty, as its reader sees it: in a browser.

local browser = require "spec.support.browser"
local net = require "spec.support.net"
local nginx = require "spec.support.nginx"
local shell = require "spec.support.shell"

-- Sends datagrams to a port of loopback, about so many a second, for five minutes at the most. A
-- socket at that port takes them, or the kernel would answer with ICMP.
local SENDER = [[
  local socket = require "socket"
  local port, rate, size = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3])
  local sink, sender, start = socket.udp(), socket.udp(), socket.gettime()
  sink:setsockname("127.0.0.1", port)
  while socket.gettime() < start + 300 do
    for _ = 1, rate / 20 * (1.2 + math.sin((socket.gettime() - start) / 3)) do
      sender:sendto(("x"):rep(size), "127.0.0.1", port)
    end
    socket.sleep(0.05)
  end
]]

describe("the demo #nginx #live", function()
  local stops, page, server

  before_each(function() stops = {} end)
  after_each(function()
    for _, stop in ipairs(stops) do stop() end
    if page then page:close() end
    if server then server:remove() end
    page, server = nil, nil
  end)

  local function traffic(port, rate, size)
    local script = shell.write(server.prefix .. "/sender.lua", SENDER)
    local pid = shell.run("luajit %s %s %s %s >/dev/null 2>&1 & echo $!", script, port, rate, size)
    stops[#stops + 1] = function() shell.try("kill %s", pid:match "%d+") end
  end

  -- Minutes at the most: how soon depends on how busy the machine is.
  local function eventually(what, condition)
    for _ = 1, 600 do
      if condition() then return end
      shell.run "sleep 0.1"
    end
    error("not seen: " .. what .. "\n" .. server:log(), 2)
  end

  local function number(id)
    return tonumber((page:text(id):gsub(",", "")))
  end

  local function shows(id, text)
    return page:text(id):find(text, 1, true) ~= nil
  end

  local function set(filter)
    page:fill("#filter", filter)
    page:click "button"
  end

  local function open()
    server = nginx.start_demo()
    page = browser.open(("http://127.0.0.1:%d/"):format(server.port))
  end

  it("shows live traffic, takes a filter, and shows what is wrong with a bad one", function()
    if not net.require_privilege(pending) then return end
    shell.needs("nginx", "chromium", "chromedriver")
    open()
    traffic(40001, 1000, 200)
    eventually("packets", function() return number "packets" > 200 end)
    eventually("bytes", function() return number "bytes" > 200 * 242 end)
    local function charts()
      return page:run("return Array.from(document.querySelectorAll('canvas')).slice(0, 2)"
        .. ".map(it => it.toDataURL())")
    end
    local before = charts()
    eventually("both charts move", function()
      local now = charts()
      return now[1] ~= before[1] and now[2] ~= before[2]
    end)
    eventually("the talker", function() return shows("talkers", "127.0.0.1:40001") end)
    eventually("the protocol", function() return shows("protocols", "UDP") end)

    set "udp port 40002"
    eventually("the filter's effect", function()
      return number "packets" == 0 and page:text "state" == "filter: udp port 40002"
    end)
    traffic(40002, 1000, 200)
    eventually("what the filter lets pass", function()
      return number "packets" > 200 and shows("talkers", ":40002")
        and not shows("talkers", ":40001")
    end)

    set "udp prot 40002"
    eventually("libpcap's error", function()
      return shows("message", "syntax error")
        and page:run "return document.getElementById('message').className" == "bad"
    end)
    shell.run "sleep 1.2"
    assert.equal("filter: udp port 40002", page:text "state")
    eventually("the old filter's packets", function() return number "packets" > 200 end)

    for _, address in ipairs(page:requests()) do
      assert.truthy(address:find("^http://127%.0%.0%.1:" .. server.port .. "/")
        or address:find "^data:", address)
    end
    -- A bad filter's status is on the console; so is any error of the page's script.
    for _, message in ipairs(page:console()) do
      assert.truthy(message:find("/filter - Failed to load resource", 1, true)
        or message:find("/favicon.ico", 1, true), message)
    end
    -- What a page elsewhere could send, and what a person could.
    assert.truthy(server:get("/filter"):find("403", 1, true))
    assert.equal("a filter has no NUL bytes", shell.run(
      "printf 'tcp\\0' | curl -s -m 10 --data-binary @- http://127.0.0.1:%s/filter", server.port))
    assert.equal("", server:complaints "access forbidden by rule")
    page:close()
    page = nil
    assert.truthy(server:stop "QUIT")
  end)

  -- For docs/openresty.png.
  local picture = os.getenv "PCAP_SCREENSHOT"
  local take = picture and it or function() end
  take("has its picture taken", function()
    open()
    for port, rate in pairs { [5353] = 120, [4789] = 300, [1812] = 40, [9000] = 400 } do
      traffic(port, rate, rate * 2)
    end
    shell.run "sleep 62"
    page:screenshot(picture)
  end)
end)
