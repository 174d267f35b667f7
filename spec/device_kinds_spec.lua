-- Live captures of devices that are no Ethernet cards: each reads, waits, times out and ends.

local ffi = require "ffi"
local net = require "spec.support.net"
local pcap = require "pcap"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

ffi.cdef [[
  int luapcapspec_open(const char *path, int flags, ...) __asm__("open");
  int luapcapspec_ioctl(int fd, unsigned long request, ...) __asm__("ioctl");
  long luapcapspec_write(int fd, const void *bytes, size_t size) __asm__("write");
  int luapcapspec_close(int fd) __asm__("close");
]]

local READ_WRITE, TUNSETIFF, TUN_WITHOUT_HEADER = 2, 0x400454ca, 0x1001
local PRIVATE = "10.203.%d.%d"

-- IPv4 with UDP to port 9, without checksums of UDP's.
local function datagram(from, to, number)
  local header = "\69\0\0\32" .. ("%c%c"):format(0, number) .. "\0\0\64\17\0\0"
  local addresses = ""
  for _, address in ipairs { from, to } do
    addresses = addresses .. address:gsub("%.?(%d+)", function(byte) return string.char(byte) end)
  end
  return header .. addresses .. "\0\9\0\9\0\12\0\0abcd"
end

describe("A live capture #live", function()
  -- A tun interface and its descriptor, or a skip where there are none.
  local function tun()
    local fd = ffi.C.luapcapspec_open("/dev/net/tun", READ_WRITE)
    if fd < 0 then shell.skip("needs /dev/net/tun") end
    local name = ("lt%d"):format(process.pid() % 1000000)
    local request = ffi.new("char[40]", name)
    ffi.cast("uint16_t *", request + 16)[0] = TUN_WITHOUT_HEADER
    assert(ffi.C.luapcapspec_ioctl(fd, TUNSETIFF, request) == 0, "no tun interface")
    shell.try("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1", name)
    shell.run("ip addr add 10.203.7.1/24 dev %s && ip link set %s up", name, name)
    return name, fd
  end

  it("of a tun interface gives IP packets, with their direction, as tcpdump does", function()
    if not net.require_privilege(pending) then return end
    shell.needs "tcpdump"
    local folder, remove_folder = shell.folder()
    local name, fd = tun()
    finally(function()
      ffi.C.luapcapspec_close(fd)
      remove_folder()
    end)
    local cap = assert(pcap.open_live { device = name, timeout = 0.3 })
    assert.equal(pcap.DLT.RAW, cap:datalink())
    assert.same({ nil, "timeout" }, { cap:next() })
    assert.same({ nil, "timeout" }, { cap:wait(0.01) })
    local log, out = folder .. "/log", folder .. "/out"
    local pid = shell.run("tcpdump -U --immediate-mode -c 5 -i %s -w %s 'udp port 9' >%s 2>&1 & "
      .. "echo $!", name, out, log):match "%d+"
    shell.run("for i in $(seq 200); do grep -q 'listening on' %s && break; sleep 0.02; done", log)
    local from, to = PRIVATE:format(7, 2), PRIVATE:format(7, 1)
    local sender = assert(pcap.open_live(name))
    for i = 1, 3 do
      local packet = datagram(from, to, i)
      assert.equal(#packet, tonumber(ffi.C.luapcapspec_write(fd, packet, #packet)))
    end
    for i = 4, 5 do
      assert(sender:inject(datagram(to, from, i)))
    end
    assert(cap:set_filter "udp port 9")
    local list = {}
    for pkt in cap:packets(5) do
      list[#list + 1] = pkt:bytes() .. pkt.direction
    end
    shell.run("for i in $(seq 100); do kill -0 %s 2>/dev/null || break; sleep 0.02; done", pid)
    local expected = {}
    for pkt in assert(pcap.open_offline(out)):packets() do
      expected[#expected + 1] = pkt:bytes() .. (#expected < 3 and "in" or "out")
    end
    assert.equal(5, #expected)
    assert.same(expected, list)
    assert(cap:set_filter "outbound")
    assert(sender:inject(datagram(to, from, 6)))
    ffi.C.luapcapspec_write(fd, datagram(from, to, 7), 32)
    assert.equal(datagram(to, from, 6), (cap:next()))
    assert.same({ nil, "timeout" }, { cap:next() })
    ffi.C.luapcapspec_close(fd)
    fd = -1
    local data, reason = cap:next()
    assert.is_nil(data)
    assert.matches("[Ii]nterface", reason)
  end)

  it("of a bridge or of a VLAN interface gives what goes through it", function()
    if not net.require_privilege(pending) then return end
    local a, b, remove = net.veth()
    local bridge = a .. "r"
    finally(function()
      shell.try("ip link del %s", bridge)
      remove()
    end)
    shell.run("ip link add %s type bridge && ip link set %s master %s && ip link set %s up", bridge,
      a, bridge, bridge)
    local devices = { bridge }
    if select(2, shell.try("ip link add link %s name %s type vlan id 5", a, a .. "v")) == 0 then
      shell.run("ip link set %s up", a .. "v")
      devices[2] = a .. "v"
    end
    local sender = assert(pcap.open_live(b))
    for i, device in ipairs(devices) do
      local cap = assert(pcap.open_live(device, 0, false, 2))
      assert(cap:set_filter "ether proto 0x88b5")
      local plain = net.frame(("through "):rep(8))
      assert(sender:inject(i == 1 and plain or plain:sub(1, 12) .. "\129\0\0\5" .. plain:sub(13)))
      assert.equal(plain, (cap:next()))
      shell.run("ip link del %s", device)
      local data, reason = cap:next()
      assert.is_nil(data)
      assert.matches("[Ii]nterface", reason)
    end
  end)

  it("of nflog gives what a rule logs, also what libpcap has read before a wait", function()
    if not net.require_privilege(pending) then return end
    if not shell.has "nft" then
      return pending "needs nft"
    end
    -- In a network namespace of its own.
    local output = process.lua([[
      if os.execute("ip link set lo up && nft 'add table ip t; add chain ip t o "
        .. "{ type filter hook output priority 0; }; add rule ip t o udp dport 5353 log group 5' "
        .. "2>/dev/null") ~= 0 then
        return print "no rule"
      end
      local pcap, decode = require "pcap", require "pcap.decode"
      local cap = assert(pcap.open_live("nflog:5", 0, false, 2))
      for i = 1, 20 do
        os.execute("bash -c 'echo " .. i .. " > /dev/udp/127.0.0.1/5353'")
      end
      local count = 0
      repeat
        local pkt = cap:next_packet()
        count = count + 1
        assert(decode.summary(pkt):find "127%.0%.0%.1%.5353: UDP", decode.summary(pkt))
      until count == 20 or not cap:wait(0.5)
      print(count, cap:wait(0.01), (select(2, cap:next())))
    ]], { prefix = "unshare -n" })
    if output == "no rule\n" then
      return pending "needs a kernel that logs"
    end
    assert.equal("20\ttrue\ttimeout\n", output)
  end)

  it("of D-Bus is refused with libpcap's reason, which cannot read it without blocking", function()
    if not shell.has "dbus-daemon" then
      return pending "needs dbus-daemon"
    end
    local output = process.lua([[
      local cap, message = require("pcap").open_live "dbus-session"
      print(cap, message)
    ]], { prefix = "dbus-run-session --" })
    if not output:find "built without" and not output:find "No such device" then
      assert.matches("nil\tdbus%-session: ", output)
    end
  end)
end)
