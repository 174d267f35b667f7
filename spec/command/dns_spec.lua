local command = require "spec.support.command"
local frames = require "spec.support.frames"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local u16, u32 = frames.u16, frames.u32

-- A message: flags, and lists of questions, answers, authorities and additional records, as bytes.
local function message(flags, ...)
  local counts, bodies = {}, {}
  for i = 1, 4 do
    local list = select(i, ...) or {}
    counts[i], bodies[i] = u16(#list), table.concat(list)
  end
  return u16(4660) .. u16(flags) .. table.concat(counts) .. table.concat(bodies)
end

local function name(text)
  return text:gsub("([^.]+)%.?", function(label) return string.char(#label) .. label end) .. "\0"
end

local EXAMPLE = name "example.org"
-- A pointer to the question's name, which is the first.
local HERE = "\192\12"

local function question(kind, of)
  return (of or EXAMPLE) .. u16(kind) .. u16(1)
end

local function record(kind, data, of)
  return (of or HERE) .. u16(kind) .. u16(1) .. u32(300) .. u16(#data) .. data
end

local function tcp(payload, o)
  o = o or {}
  o.dport = o.dport or 53
  return frames.ethernet(0x0800, frames.ipv4(6, frames.tcp(payload, o)))
end

describe("pcap dns", function()
  local folder, remove

  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  local function lines(packets, words)
    local list = {}
    for line in command.run("dns -r %s " .. (words or ""),
      command.write(folder .. "/d.pcap", packets)):gmatch "[^\n]+" do
      list[#list + 1] = line:match "^%d%d:%d%d:%d%d%.%d+ %S+ > %S+: (.*)$" or line
    end
    return list
  end

  local function line(bytes)
    return lines { command.udp(53, bytes) }[1]
  end

  it("prints queries and answers", function()
    assert.equal("4660 query A example.org", line(message(0x0100, { question(1) })))
    assert.equal("4660 NXDomain AAAA example.org", line(message(0x8183, { question(28) })))
    assert.equal("4660 NoError A example.org: example.org A 192.0.2.7 ttl 300, "
      .. "example.org CNAME www.example.org ttl 300", line(message(0x8180, { question(1) },
      { record(1, frames.SRC4), record(5, "\3www" .. HERE) })))
    assert.equal("4660 update SOA example.org", line(message(0x2800, { question(6) })))
    assert.equal("4660 NoError A example.org (truncated)", line(message(0x8380, { question(1) })))
  end)

  it("reads the data of the common types", function()
    for data, expected in pairs {
      [record(28, frames.SRC6)] = "AAAA 2001:db8::ff:fe00:42",
      [record(2, "\2ns" .. HERE)] = "NS ns.example.org",
      [record(12, EXAMPLE)] = "PTR example.org",
      [record(15, u16(10) .. "\2mx" .. HERE)] = "MX 10 mx.example.org",
      [record(16, "\3a b\2\"c\0")] = 'TXT "a b" "\\"c" ""',
      [record(33, u16(1) .. u16(2) .. u16(443) .. "\3srv" .. HERE)] = "SRV 1 2 443 srv.example.org",
      [record(6, "\2ns" .. HERE .. "\4host" .. HERE .. u32(2 ^ 32 - 1) .. ("\0"):rep(16))] =
        "SOA ns.example.org host.example.org 4294967295",
      [record(35, u16(1) .. u16(2) .. "\1s\3SIP\0" .. EXAMPLE)] =
        'NAPTR 1 2 "s" "SIP" "" example.org',
      [record(65, "\0\1\0")] = "HTTPS (3 bytes)",
      [record(65280, "")] = "TYPE65280 (0 bytes)",
      [record(1, "\1\2\3")] = "A (3 bytes)",
      [record(16, "\9abc")] = "TXT (4 bytes)",
    } do
      assert.equal("4660 NoError A example.org: example.org " .. expected .. " ttl 300",
        line(message(0x8180, { question(1) }, { data })))
    end
  end)

  it("writes odd bytes of names as zone files do", function()
    assert.equal("4660 query A a\\.b\\\\c\\027\\255\\032d.x",
      line(message(0, { question(1, "\9a.b\\c\27\255 d\1x\0") })))
    assert.equal("4660 query NS .", line(message(0, { question(2, "\0") })))
  end)

  it("says of what is malformed that it is, and never reads on for ever", function()
    local bad = " [malformed or cut short]"
    assert.equal("4660 query" .. bad, line(message(0, { "\192\12" .. u16(1) .. u16(1) })))
    assert.equal("4660 query" .. bad, line(message(0, { "\1a\192\12" .. u16(1) .. u16(1) })))
    assert.equal("4660 query" .. bad, line(message(0, { "\192\200" .. u16(1) .. u16(1) })))
    assert.equal("4660 query" .. bad,
      line(message(0, { ("\63" .. ("x"):rep(63)):rep(4) .. "\0\0\1\0\1" })))
    assert.equal("4660 query" .. bad, line(message(0, { "\64x\0" .. u16(1) .. u16(1) })))
    local whole = message(0x8180, { question(1) }, { record(1, frames.SRC4) })
    for size = 12, #whole - 1 do
      assert.matches(" %[malformed or cut short%]$", line(whole:sub(1, size)))
    end
    assert.is_nil(line(whole:sub(1, 11)))
    local mutant = message(0x8180, { question(1) }, { record(6, "\1a"), record(15, "\0"),
      record(35, "\0\1\0\2\200"), record(33, "\0\0") })
    assert.matches("^4660 NoError A example.org: ", line(mutant))
  end)

  it("survives random bytes", function()
    math.randomseed(5)
    local packets = {}
    for i = 1, 2000 do
      local bytes = {}
      for k = 1, math.random(60) do
        bytes[k] = string.char(math.random(3) == 1 and 192 or math.random(0, 20))
      end
      packets[i] = command.udp(53, message(0x8180, { question(1) }):sub(1, 4) .. u16(2) .. u16(3)
        .. u16(0) .. u16(0) .. table.concat(bytes))
    end
    assert.equal(2000, #lines(packets))
  end)

  it("looks at other ports when told", function()
    local packet = command.udp(5300, message(0, { question(1) }))
    assert.same({}, lines { packet })
    assert.same({ "4660 query A example.org" }, lines({ packet }, "--port 5300"))
  end)

  it("puts a message in TCP together, if its segments come in their order", function()
    local query = message(0, { question(1) })
    local framed = u16(#query) .. query
    local whole = "4660 query A example.org"
    local syn, first = tcp("", { seq = 2 ^ 32 - 6, flags = 2 }), 2 ^ 32 - 5
    local function at(offset, bytes, flags)
      return tcp(bytes, { seq = (first + offset) % 2 ^ 32, flags = flags })
    end
    assert.same({ whole }, lines { at(0, framed) })
    assert.same({ whole, whole }, lines { at(0, framed .. framed) })
    assert.same({ whole }, lines { syn, at(0, framed:sub(1, 1)), at(1, framed:sub(2, 9)),
      at(9, framed:sub(10)) })
    assert.same({ whole, whole }, lines { syn, at(0, framed .. framed:sub(1, 2)), at(0, framed),
      at(#framed + 2, framed:sub(3)) }, "what comes again is left out")
    assert.same({}, lines { syn, at(0, framed:sub(1, 8)), at(10, framed:sub(11)) }, "a hole")
    assert.same({ whole }, lines { syn, at(0, framed:sub(1, 8)), at(10, framed:sub(11)),
      at(50, framed) }, "whole after a hole")
    assert.same({}, lines { at(0, framed:sub(5)) }, "from the middle")
    assert.same({}, lines { syn, at(0, framed:sub(1, 8)), at(8, "", 4), at(8, framed:sub(9)) })
  end)

  it("keeps the rests of few connections", function()
    local query = message(0, { question(1) })
    local framed = u16(#query) .. query
    local function begun_and_ended(others)
      local packets = { tcp("", { seq = 0, flags = 2 }), tcp(framed:sub(1, 9), { seq = 1 }) }
      for port = 1, others do
        packets[port + 2] = tcp("", { sport = port, flags = 2 })
      end
      packets[others + 3] = tcp(framed:sub(10), { seq = 10 })
      return lines(packets)
    end
    assert.same({ "4660 query A example.org" }, begun_and_ended(200))
    assert.same({}, begun_and_ended(300))
  end)

  -- By message: tshark's fields, each a text with commas.
  local function judged(path)
    local output = shell.run("tshark -n -Y 'dns or mdns or llmnr' -T fields -E occurrence=a "
      .. "-E aggregator=, -e dns.id -e dns.qry.name -e dns.count.answers -e dns.a -e dns.aaaa "
      .. "-r %s 2>/dev/null", path)
    local list = {}
    local row = "(%S+)\t([^\t]*)\t(%d*)\t([^\t]*)\t([^\n]*)\n"
    for id, asked, count, v4, v6 in output:gmatch(row) do
      list[#list + 1] = { id = ("%d"):format(tonumber(id)), asked = asked,
        answers = tonumber(count), addresses = "," .. v4 .. "," .. v6 .. "," }
    end
    return list
  end

  local on_captures = command.may_have_captures() and it or function() end
  on_captures("says what tshark says, of real captures", function()
    if #savefile.real() == 0 then shell.skip "needs real captures" end
    local compared = 0
    for _, path in ipairs(savefile.real()) do
      local expected = path:find "/dns%-" and judged(path) or {}
      local got = #expected > 0 and command.lines(command.run("dns -r %s", path)) or {}
      assert.equal(#expected, #got, path)
      for i, message_of in ipairs(expected) do
        local text = got[i]
        assert.matches(": " .. message_of.id .. " ", text)
        for one in message_of.asked:gmatch "[^,]+" do
          assert.is_truthy(text:find(" " .. one, 1, true), text)
        end
        assert.equal(message_of.answers, select(2, text:gsub(" ttl %d", "")), text)
        for address in text:gmatch " AA?A?A? (%S+) ttl" do
          assert.is_truthy(message_of.addresses:find("," .. address .. ",", 1, true), text)
          compared = compared + 1
        end
      end
    end
    assert.is_true(compared > 25, compared)
  end)
end)
