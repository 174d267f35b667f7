local ffi = require "ffi"
local pcap = require "pcap"
local bpf = require "pcap.filter.bpf"
local net = require "spec.support.net"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

-- Ethernet, IPv4 and TCP with the ports given, as the wire has it.
local function tcp(from, to)
  local function word16(value)
    return string.char(math.floor(value / 256), value % 256)
  end
  return ("\2"):rep(12) .. "\8\0\x45\0\0\x28\0\1\0\0\64\6\0\0\192\0\2\1\192\0\2\2"
    .. word16(from) .. word16(to) .. ("\0"):rep(8) .. "\x50\2" .. ("\0"):rep(6)
end

-- The same in a VLAN.
local function vlan(frame)
  return frame:sub(1, 12) .. "\x81\0\0\5" .. frame:sub(13)
end

describe("pcap.compile", function()
  it("gives libpcap's message on a bad expression", function()
    local filter, message = pcap.compile("tcp prt 80")
    assert.is_nil(filter)
    assert.truthy(message:find("syntax error", 1, true))
  end)

  it("prints the program as tcpdump -d does, for the link type given", function()
    for linktype, name in pairs { [1] = "EN10MB", [12] = "RAW", [113] = "LINUX_SLL" } do
      for _, expression in ipairs { "tcp port 80", "host 192.0.2.1 and not udp", "len > 100" } do
        local printed = shell.run("tcpdump -d -y %s %s 2>/dev/null", name, expression)
        local filter = assert(pcap.compile(expression, { linktype = linktype }))
        assert.equal(printed, tostring(filter) .. "\n")
      end
    end
  end)

  it("leaves the program unoptimized on request, as tcpdump -O does", function()
    local printed = shell.run("tcpdump -O -d -y EN10MB 'tcp port 80' 2>/dev/null")
    assert.equal(printed, tostring(pcap.compile("tcp port 80", { optimize = false })) .. "\n")
  end)

  it("takes the snapshot length as what a match returns", function()
    local insns = pcap.compile("", { snaplen = 96 }):instructions()
    assert.same({ { code = 6, jt = 0, jf = 0, k = 96 } }, insns)
  end)

  it("takes a netmask for 'ip broadcast'", function()
    local frame = tcp(1, 2)
    local directed = frame:sub(1, 33) .. "\255" .. frame:sub(35) -- to 192.0.2.255
    assert.is_false(pcap.compile("ip broadcast"):match(directed))
    assert.is_true(pcap.compile("ip broadcast", { netmask = 0xffffff00 }):match(directed))
  end)

  it("gives the instructions as tcpdump -ddd lists them", function()
    local lines = {}
    for code, jt, jf, k in shell.run("tcpdump -ddd -y EN10MB 'udp port 53' 2>/dev/null")
      :gmatch "(%d+) (%d+) (%d+) (%d+)" do
      lines[#lines + 1] = { code = tonumber(code), jt = tonumber(jt), jf = tonumber(jf),
        k = tonumber(k) }
    end
    assert.is_true(#lines > 5)
    assert.same(lines, pcap.compile("udp port 53"):instructions())
  end)

  it("refuses misuse by name", function()
    assert.has_error(function() pcap.compile() end,
      "bad argument #1 to 'compile' (string expected, got nil)")
    assert.has_error(function() pcap.compile("ip", { link = 1 }) end,
      "bad argument #2 to 'compile' (unknown option 'link')")
    assert.has_error(function() pcap.compile("ip\0tcp") end,
      "bad argument #1 to 'compile' (string contains a NUL byte)")
  end)
end)

describe("filter:match", function()
  local port80 = pcap.compile("tcp port 80")

  it("takes a string, a pointer and a packet", function()
    local hit, miss = tcp(80, 1024), tcp(81, 1024)
    assert.is_true(port80:match(hit))
    assert.is_false(port80:match(miss))
    local bytes = ffi.new("uint8_t[?]", #hit)
    ffi.copy(bytes, hit, #hit)
    assert.is_true(port80:match(bytes, #hit))
    assert.is_true(port80:match(bytes, #hit, 1500))
    assert.is_false(port80:match(bytes, 30)) -- the ports are not among what was captured

    local folder, remove = shell.folder()
    finally(remove)
    local cap = pcap.open_offline(shell.write(folder .. "/a.pcap",
      savefile.header() .. savefile.record(hit) .. savefile.record(miss)))
    local answers = {}
    for pkt in cap:packets() do
      answers[#answers + 1] = port80:match(pkt)
    end
    assert.same({ true, false }, answers)
  end)

  it("keeps a packet that nothing else holds while the program runs", function()
    local folder, remove = shell.folder()
    finally(remove)
    local cap = pcap.open_offline(shell.write(folder .. "/a.pcap",
      savefile.header() .. savefile.record(tcp(80, 1024))))
    local pkt, gone, too_early = cap:next_packet(), false, false
    local function copy()
      return ffi.gc(pkt:copy(), function() gone = true end)
    end
    local function match()
      local answer = port80:match(copy())
      return answer
    end
    debug.sethook(function()
      collectgarbage()
      too_early = too_early or gone and debug.getinfo(2, "f").func ~= match
    end, "", 1)
    local answer = match()
    debug.sethook()
    assert.is_true(answer)
    assert.is_false(too_early)
  end)

  it("counts with the length on the wire where the expression does", function()
    local long = pcap.compile("greater 1000")
    assert.is_false(long:match(tcp(1, 2)))
    assert.is_true(long:match(tcp(1, 2), 1000))
  end)

  it("sees the tag of a VLAN in the bytes, as offline packets have it", function()
    local tagged = pcap.compile("vlan 5 and tcp port 80")
    assert.is_true(tagged:match(vlan(tcp(80, 1))))
    assert.is_false(tagged:match(tcp(80, 1)))
  end)

  it("falls back to libpcap where a program does not translate, with the same answers", function()
    local ports = {}
    for port = 1, 300 do
      ports[port] = "tcp port " .. port * 3
    end
    local many = assert(pcap.compile(table.concat(ports, " or ")))
    assert.is_true(#many:instructions() > bpf.MAX_INSTRUCTIONS)
    for port = 1, 900 do
      assert.equal(port % 3 == 0, many:match(tcp(port, 5000)))
    end
    assert.is_true(pcap.compile("ip protochain 6"):match(tcp(1, 2)))
  end)

  it("refuses misuse by name", function()
    assert.has_error(function() port80:match() end,
      "bad argument #1 to 'match' (packet, string or pointer expected, got nil)")
    assert.has_error(function() port80:match(ffi.new("uint8_t[4]")) end,
      "bad argument #2 to 'match' (number expected, got nil)")
    for _, bad in ipairs { 5LL, ffi.new("int32_t", 5) } do
      assert.has_error(function() port80:match(bad, 100, 100) end,
        "bad argument #1 to 'match' (packet, string or pointer expected, got cdata)")
    end
    local null = ffi.cast("const uint8_t *", 0)
    assert.has_error(function() port80:match(null, 100) end,
      "bad argument #1 to 'match' (packet, string or pointer expected, got NULL)")
    assert.is_false(port80:match(null, 0))
    assert.has_error(function() port80:match("x", -1) end,
      "bad argument #2 to 'match' (integer from 0 to 4294967295 expected, got -1)")
    assert.has_error(function() port80.match("ip") end,
      "calling 'match' on bad self (pcap filter expected, got string)")
  end)
end)

describe("set_filter with a filter object", function()
  local folder, remove, path

  before_each(function()
    folder, remove = shell.folder()
    local records = {}
    for port = 1, 3000 do
      records[port] = savefile.record(tcp(port, 5000))
    end
    path = shell.write(folder .. "/ports.pcap", savefile.header() .. table.concat(records))
  end)

  after_each(function() remove() end)

  it("lets the same packets pass as its expression does, and as tcpdump counts", function()
    for _, expression in ipairs { "tcp port 80", "ip", "udp", "tcp[1] & 3 = 1" } do
      local counts = {}
      for i, filter in ipairs { expression, pcap.compile(expression, { linktype = 12 }) } do
        local cap = pcap.open_offline(path)
        assert.equal(cap, cap:set_filter(filter))
        counts[i] = 0
        for _ in cap:packets() do counts[i] = counts[i] + 1 end
        assert.equal("closed", cap:ending())
      end
      local judged = shell.run("tcpdump -r %s --count %s 2>/dev/null", path, expression)
      local expected = tonumber(judged:match "^(%d+) packet")
      assert.same({ expected, expected }, counts)
    end
  end)

  it("applies from the next packet on, and can be changed on the way", function()
    local cap = pcap.open_offline(path)
    assert(cap:set_filter("tcp src port 7"))
    assert.equal(tcp(7, 5000), (cap:next()))
    assert(cap:set_filter("tcp src port 5 or tcp src port 10"))
    assert.equal(tcp(10, 5000), (cap:next()))
    assert(cap:set_filter(""))
    assert.equal(tcp(11, 5000), (cap:next()))
  end)
end)

describe("a filter on a live capture", function()
  it("finds VLAN tags, which the kernel keeps apart, and the same filter does in bytes", function()
    if not net.require_privilege(pending) then return end
    local near, far, remove = net.veth()
    finally(remove)
    -- Libpcap 1.11.0 itself, as tcpdump shows, takes no packet live for more than this.
    local filter = pcap.compile "vlan"
    local cap = assert(pcap.open_live(near, 0, true, 1))
    assert.equal(cap, cap:set_filter(filter))
    local sender = assert(pcap.open_live(far))
    assert(sender:inject(tcp(80, 1)))
    assert(sender:inject(vlan(tcp(80, 1))))
    local data = cap:next()
    assert.equal(vlan(tcp(80, 1)), data)
    assert.is_true(filter:match(data))
    assert.is_true(pcap.compile("vlan 5 and tcp port 80"):match(data))
    cap:close()
    sender:close()
  end)
end)
