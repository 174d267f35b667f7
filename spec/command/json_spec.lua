local command = require "spec.support.command"
local decode = require "pcap.decode"
local frames = require "spec.support.frames"
local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local tshark = require "spec.support.tshark"

local folder, remove

-- What jq makes of our lines, a line a packet.
local function jq(filter, path)
  shell.needs "jq"
  command.run "--version"
  return shell.run("bin/pcap json -r %s | jq -r %s", path, filter)
end

-- By tshark's field: ours, as jq asks for it.
local FIELDS = {
  { "frame.number", ".number" },
  { "frame.len", ".wirelen" },
  { "frame.cap_len", ".caplen" },
  { "eth.src", ".layers.eth.src" },
  { "eth.type", ".layers.eth.type", 16 },
  { "ip.src", "if .layers.ip.version == 4 then .layers.ip.src else null end" },
  { "ip.id", "if .layers.ip.version == 4 then .layers.ip.id else null end", 16 },
  { "ip.ttl", "if .layers.ip.version == 4 then .layers.ip.ttl else null end" },
  { "ipv6.dst", "if .layers.ip.version == 6 then .layers.ip.dst else null end" },
  { "tcp.srcport", ".layers.tcp.source_port" },
  { "tcp.seq", ".layers.tcp.seq_num" },
  { "tcp.flags", ".layers.tcp.flags", 16 },
  { "tcp.options.mss_val", ".layers.tcp.options.mss" },
  { "tcp.options.timestamp.tsval", ".layers.tcp.options.tsval" },
  { "udp.dstport", ".layers.udp.dest_port" },
  { "udp.checksum", ".layers.udp.checksum", 16 },
}

local function compare(path)
  local names, filters = {}, {}
  for i, field in ipairs(FIELDS) do
    names[i], filters[i] = field[1], field[2]
  end
  local rows = {}
  for line in jq("[" .. table.concat(filters, ", ") .. "] | map(tostring) | join(\"\\t\")", path)
    :gmatch "[^\n]+" do
    rows[#rows + 1] = line
  end
  local packets = tshark.fields(path, names)
  assert.equal(#packets, #rows, path)
  for i, packet in ipairs(packets) do
    local expected = {}
    for k, field in ipairs(FIELDS) do
      local value = packet[field[1]][1]
      expected[k] = value and (field[3] and ("%d"):format(tonumber(value)) or value) or "null"
    end
    assert.equal(table.concat(expected, "\t"), rows[i], path .. " packet " .. i)
  end
end

describe("pcap json", function()
  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  it("has the fields that tshark has", function()
    local packets = {}
    for i, kind in ipairs {
      frames.ethernet(0x0800, frames.ipv4(6, frames.tcp("hello",
        { options = "\2\4\5\180\1\1\8\10\0\0\0\9\0\0\0\7" }))),
      frames.ethernet(0x0800, frames.ipv4(17, frames.udp "hi")),
      frames.ethernet(0x86dd, frames.ipv6(6, frames.tcp("hello", { v6 = true }))),
      frames.ethernet(0x0806, frames.arp(1)),
      frames.ethernet(0x9999, "nothing that is known"),
    } do
      packets[i] = kind
    end
    compare(command.write(folder .. "/kinds.pcap", packets))
  end)

  local on_captures = command.may_have_captures() and it or function() end
  on_captures("has the fields that tshark has, in real captures", function()
    if #savefile.real() == 0 then shell.skip "needs real captures" end
    local count = 0
    for _, path in ipairs(savefile.real()) do
      if path:find "/http%-" or path:find "/dns%-" then
        compare(path)
        count = count + 1
      end
    end
    assert.is_true(count > 0)
  end)

  it("is JSON, whatever is in a capture", function()
    shell.needs "jq"
    local paths = savefile.real()
    if #paths == 0 then shell.skip "needs real captures" end
    for _, path in ipairs(paths) do
      local expected = shell.try("tcpdump -r %s --count 2>/dev/null", path):match "^%d+"
      local lines = command.run("json -r %s | jq -c .number | tail -n 1", path)
      assert.equal(expected, lines:match "^%d+", path)
    end
  end)

  it("tells a time in a damaged file, and one before 1970, as a number", function()
    local records = {}
    for i, time in ipairs { { 5, 2000001 }, { 5, 2 ^ 32 - 5 }, { 2 ^ 32 - 2, 999999 } } do
      records[i] = savefile.record("x", { sec = time[1], fraction = time[2] })
    end
    local path = shell.write(folder .. "/odd.pcap", savefile.header() .. table.concat(records))
    local text = command.run("json -r %s", path)
    assert.matches('"time":7%.000001000,"sec":7,"nsec":1000,', text)
    -- libpcap 1.10.5 made a file's seconds unsigned.
    if text:find('"sec":-', 1, true) then
      assert.matches('"time":4%.999995000,"sec":4,"nsec":999995000,', text)
      assert.matches('"time":%-1%.000001000,"sec":%-2,"nsec":999999000,', text)
    end
    assert.equal(3, select(2, jq(".time", path):gsub("\n", "")))
  end)

  it("tells times to the nanosecond", function()
    local path = shell.write(folder .. "/times.pcap", savefile.header { magic = 0xa1b23c4d }
      .. savefile.record("x", { sec = 1700000000, fraction = 123456789 }))
    assert.matches('^{"number":1,"time":1700000000%.123456789,"sec":1700000000,"nsec":123456789,',
      command.run("json -r %s", path))
  end)

  it("tells interface, direction, comments and lost packets", function()
    local path = folder .. "/told.pcapng"
    local dumper = assert(pcap.dumper { file = path, format = "pcapng",
      interface = { name = "eth0" } })
    assert(dumper:dump(command.udp(53, "x"), 1, nil, { direction = "in", dropped = 3,
      comments = { "a \"quote\" \\ and\na line, Grüße", "another" } }))
    assert(dumper:close())
    assert.equal('eth0 in 3 a "quote" \\ and\na line, Grüße another\n',
      jq('"\\(.interface.name) \\(.direction) \\(.dropped) \\(.comment) \\(.comments[1])"', path))
  end)

  it("tells what is in tunnels, what errors quote, and what is wrong", function()
    local inside = frames.ipv4(17, frames.udp "inside")
    local quoting = frames.ipv4(1, frames.icmp(3, 1, "\0\0\0\0" .. inside))
    local path = command.write(folder .. "/tunnel.pcap", {
      frames.ethernet(0x0800, frames.ipv4(4, inside)),
      frames.ethernet(0x0800, quoting), frames.ethernet(0x0800, "\69") })
    assert.equal("40001 null null\nnull 40001 null\nnull null ip: header cut short\n", jq(
      '"\\(.layers.inner.udp.dest_port) \\(.layers.icmp.quoted.udp.dest_port) \\(.layers.error)"',
      path))
  end)

  it("tells of so many tunnels in each other, however many there are", function()
    local deep = frames.ipv4(17, frames.udp "x")
    for _ = 1, 400 do
      deep = frames.ipv4(4, deep)
    end
    local line = command.run("json -r %s",
      command.write(folder .. "/deep.pcap", { frames.ethernet(0x0800, deep) }))
    assert.equal(16, select(2, line:gsub('"inner"', "")))
  end)

  it("leaves out a field only if it is another in another form", function()
    local wlan = decode.layers(105)("\8\2\0\0" .. ("a"):rep(18) .. "\1\0")
    local line = require("pcap.program.fields").headers(wlan)
    assert.is_truthy(line:find('"fragment_number":1', 1, true))
    assert.is_truthy(line:find('"src":"61:61:61:61:61:61"', 1, true))
    assert.is_nil(line:find "src_bytes")
  end)

  it("writes bytes in hexadecimal digits, and 64 bits with all digits", function()
    local json = require "pcap.program.json"
    local path = command.write(folder .. "/options.pcap", { frames.ethernet(0x0800,
      frames.ipv4(17, frames.udp "x", { options = "\148\4\0\0" })) })
    assert.equal("94040000\n", jq(".layers.ip.options", path))
    assert.equal("18446744073709551615", json.scalar(0xffffffffffffffffULL))
    assert.equal("1152921504606846976", json.scalar(2 ^ 60))
    assert.equal("0.5", json.scalar(0.5))
    assert.equal('"\\u0000\\u00ff\\u001b"', json.string "\0\255\27")
  end)
end)
