local command = require "spec.support.command"
local frames = require "spec.support.frames"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

-- Ethernet, IPv4 and TCP between ports that tshark takes for HTTP, too.
local function tcp(payload, is_back)
  local ports = is_back and { sport = 80, dport = 1000 } or { sport = 1000, dport = 80 }
  local segment = frames.tcp(payload, ports)
  return frames.ethernet(0x0800, frames.ipv4(6, segment))
end

-- What tshark finds in segments, each by itself: a word or two for each message.
local function judged(path)
  local output = shell.run("tshark -n -o tcp.desegment_tcp_streams:FALSE -Y 'http.request or "
    .. "http.response' -T fields -e http.request.method -e http.request.uri -e http.response.code "
    .. "-r %s 2>/dev/null", path)
  local list = {}
  for method, uri, code in output:gmatch "([^\t\n]*)\t([^\t\n]*)\t([^\t\n]*)\n" do
    list[#list + 1] = method ~= "" and method .. " " .. uri or code
  end
  return list
end

local function ours(path)
  local list = {}
  for line in command.run("http -r %s", path):gmatch "[^\n]+" do
    local method, target = line:match ": (%u+) (%S+) HTTP/1%.%d$"
    list[#list + 1] = method and method .. " " .. target:match "/.*"
      or line:match ": HTTP/1%.%d (%d+)"
  end
  return list
end

describe("pcap http", function()
  local folder, remove

  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  local function lines(packets)
    local list = {}
    for line in command.run("http -r %s", command.write(folder .. "/h.pcap", packets))
      :gmatch "[^\n]+" do
      list[#list + 1] = line:match "^%d%d:%d%d:%d%d%.%d+ %S+ > %S+: (.*)$"
    end
    return list
  end

  it("prints requests with their hosts, and responses", function()
    assert.same({ "GET example.org/a?b HTTP/1.1", "HTTP/1.1 404 Not Found (text/html, 3 bytes)",
      "CONNECT example.org:443 HTTP/1.1", "OPTIONS * HTTP/1.0", "HTTP/1.0 200" }, lines {
      tcp "GET /a?b HTTP/1.1\r\nAccept: */*\r\nHOST: \texample.org \r\n\r\n",
      tcp("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nContent-Type: text/html\r\n\r\nabc",
        true),
      tcp "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
      tcp "OPTIONS * HTTP/1.0\n\n",
      tcp("HTTP/1.0 200\r\n\r\n", true),
    })
  end)

  it("prints no line for what is no beginning of a message", function()
    assert.same({}, lines { tcp "", tcp "GET", tcp "GET / HTTP/1.1", tcp "GET / HTTP/2.0\r\n\r\n",
      tcp "get / HTTP/1.1\r\n\r\n", tcp ("A"):rep(30) .. " / HTTP/1.1\r\n\r\n",
      tcp "HTTP/1.1 20 OK\r\n\r\n", tcp("GET " .. ("x"):rep(1000)),
      command.udp(80, "GET / HTTP/1.1\r\n\r\n"), tcp "\22\3\1\2\0\1\0\1\252\3\3" })
  end)

  it("finds several messages in a segment, and a head that is cut short", function()
    assert.same({ "GET a/1 HTTP/1.1", "POST a/2 HTTP/1.1", "GET a/3 HTTP/1.1" }, lines { tcp(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
      .. "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET "
      .. "GET /3 HTTP/1.1\r\nHost: a\r\n") })
    local answers = { "HTTP/1.1 204 No Content", "HTTP/1.1 200 OK (0 bytes)", "HTTP/1.1 200 OK" }
    assert.same(answers, lines { tcp("HTTP/1.1 204 No Content\r\n\r\n"
      .. "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
      .. "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      .. "HTTP/1.1 500 no message\r\n\r\n", true) })
  end)

  it("finds messages in tunnels", function()
    local segment = frames.tcp "GET / HTTP/1.1\r\nHost: inside\r\n\r\n"
    assert.same({ "GET inside/ HTTP/1.1" }, lines { frames.ethernet(0x0800,
      frames.ipv4(4, frames.ipv4(6, segment))) })
  end)

  it("writes what a terminal would obey as \\xNN", function()
    assert.same({ "GET a\\x1b[2J/\\x07\\xff HTTP/1.1" },
      lines { tcp "GET /\7\255 HTTP/1.1\r\nHost: a\27[2J\r\n\r\n" })
  end)

  local on_captures = command.may_have_captures() and it or function() end
  on_captures("finds what tshark finds, in real captures", function()
    if #savefile.real() == 0 then shell.skip "needs real captures" end
    local compared = 0
    for _, path in ipairs(savefile.real()) do
      if path:find "/http%-" or path:find "/tcp%-miss" then
        local expected = judged(path)
        assert.same(expected, ours(path), path)
        compared = compared + #expected
      end
    end
    assert.is_true(compared > 15, compared)
  end)
end)
