-- summary() against the lines of `tcpdump -n -q -t`.

local ffi = require "ffi"
local decode = require "pcap.decode"
local packet = require "pcap.packet"
local tunnels = require "spec.support.tunnels"
local pcap = require "pcap"
local frames = require "spec.support.frames"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

-- The lines of tcpdump that are to be ours, by how they end or begin.
local FORMS = { "igmp$", "ICMP .*, length %d+$", "^IP6 [^:]+ > %S+: ICMP6, .*, length %d+$",
  "ESP%(",  "^MPLS .* IP", "mobility: .* lifetime=%d+$",
  "GREv1, .*no%-payload, length %d+$", "^IP6? [^:]-: tcp %d+$", "^IP6? %S+ > %S+: tcp %d+$",
  "UDP, length %d+$",
  "ICMP6?,? echo %a+, id %d+, seq %d+, length %d+$", "^ARP, Re[%a ]+ .*, length %d+$" }

-- What tcpdump adds that a summary leaves out.
local LEFT_OUT = { "AH%(", "HBH", "ICMP6, router", "ICMP6, multicast listener query", "RT6",
  "DSTOPT", "frag %(", "DSA", "BRCM", "PPPoE", "truncated%-ip" }

local function is_comparable(line)
  for _, word in ipairs(LEFT_OUT) do
    if line:find(word) then
      return false
    end
  end
  for _, form in ipairs(FORMS) do
    if line:find(form) then
      return true
    end
  end
  return false
end

-- What tcpdump puts before the line, by link type: PPP's protocol, SLL2's interface.
local BEFORE = { [50] = "^IP: ", [276] = "^%S+%s+%a+%s+" }

-- Compares the lines that are comparable, and gives their number.
local function compare(path)
  shell.needs "tcpdump"
  local cap = assert(pcap.open_offline(path))
  local linktype, compared = cap:datalink(), 0
  local output, status = shell.try("tcpdump -n -q -t -r %s 2>/dev/null", path)
  for line in (status == 0 and output or ""):gmatch("[^\n]+") do
    if not line:find("^\t") then -- a second line of the same packet
      local ours = decode.summary(assert(cap:next_packet()), linktype)
      line = line:gsub(BEFORE[linktype] or "^", "")
      if is_comparable(line) and not ours:find("^link type") then
        assert.equal(line, ours)
        compared = compared + 1
      end
    end
  end
  cap:close()
  return compared
end

describe("summary", function()
  local folder, remove
  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  local function write(linktype, packets)
    local records = { savefile.header { linktype = linktype } }
    for _, bytes in pairs(packets) do
      records[#records + 1] = savefile.record(bytes)
    end
    return shell.write(folder .. "/some.pcap", table.concat(records))
  end

  it("is tcpdump's line for each kind of packet", function()
    assert.is_true(compare(write(1, frames.kinds())) >= 30)
  end)

  it("is tcpdump's line for each tunnel and label", function()
    assert.is_true(compare(write(1, tunnels.kinds())) >= 30)
  end)

  it("names what tcpdump has no line for", function()
    local kinds = tunnels.kinds()
    for name, expected in pairs {
      ["MPLS pseudowire without one"] = "MPLS (label 29, tc 0, [S], ttl 64) "
        .. "IP 192.0.2.7.49152 > 198.51.100.200.80: tcp 5",
      ["802.1ah"] = "IP 192.0.2.7.49152 > 198.51.100.200.80: tcp 5",
      ["EtherIP"] = "IP 192.0.2.7 > 198.51.100.200: IP 192.0.2.7.49152 > 198.51.100.200.80: tcp 5",
    } do
      assert.equal(expected, decode.summary(kinds[name]))
    end
  end)

  it("names eight levels of tunnels, whatever there are", function()
    local deep = frames.ipv4(6, frames.tcp("deep"))
    for _ = 1, 3000 do
      deep = frames.ipv4(4, deep)
    end
    local line = decode.summary(frames.ethernet(0x0800, deep))
    local _, count = line:gsub("IP 192", "")
    assert.same({ 9, "..." }, { count, line:sub(-3) })
  end)

  it("follows the packet's link type when it is given none", function()
    local pkt = packet.new(0)
    local bytes = frames.ipv4(6, frames.tcp("hello"))
    pkt.data, pkt.caplen, pkt.wirelen = ffi.cast("const uint8_t *", bytes), #bytes, #bytes
    for linktype, expected in pairs { [228] = "^IP 192", [147] = "^link type 147" } do
      pkt.linktype = linktype
      assert.is_truthy(decode.summary(pkt):find(expected))
    end
  end)

  it("is tcpdump's line under each link layer", function()
    for _, link in ipairs(frames.links()) do
      assert.equal(1, compare(write(link[1], { link[3] })), link[2])
    end
  end)

  it("is tcpdump's line in real captures", function()
    local compared = 0
    for _, path in ipairs(savefile.real()) do
      compared = compared + compare(path)
    end
    if #savefile.real() == 0 then
      pending("none found, see PCAP_CAPTURES")
    else
      assert.is_true(compared > 30)
    end
  end)

  it("tells what is wrong with a packet, and how far decoding came", function()
    local kinds = frames.kinds()
    assert.equal("IP 192.0.2.7 > 198.51.100.200: ip-proto-6 10 "
      .. "[ip: total length is more than there was]", decode.summary(kinds["TCP"]:sub(1, 44)))
    assert.equal("06:aa:bb:cc:dd:ee > 02:00:5e:10:00:01, ethertype 0x88cc, length 4",
      decode.summary(frames.ethernet(0x88cc, "lldp")))
    assert.equal("link type 147, length 5 [link type 147 is not decoded]",
      decode.summary("bytes", 147))
    assert.equal("link type 1, length 0 [eth: header cut short]", decode.summary(""))
    local four = frames.ipv4(6, frames.tcp("hello"))
    assert.equal(("IP 192.0.2.7 > 198.51.100.200: length %d [ip: version is not 6]"):format(#four),
      decode.summary(frames.ethernet(0x0800, frames.ipv4(41, four))))
  end)

  it("names itself and the argument when misused, at the caller's line", function()
    for position, call in ipairs {
      function() decode.summary(42) end, function() decode.summary("x", "EN10MB") end,
    } do
      local ok, message = pcall(call)
      assert.is_false(ok)
      assert.is_truthy(message:find(("^[^:]*summary_spec.lua:%%d+: bad argument #%d to 'summary'")
        :format(position)), message)
    end
  end)
end)
