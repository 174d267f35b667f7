local ffi = require "ffi"
local misuse = require "spec.support.misuse"
local net = require "spec.support.net"
local pcap = require "pcap"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local shim = require "pcap.core.shim"

local AF_PACKET = 17

local function find(name)
  for _, device in ipairs(assert(pcap.devices())) do
    if device.name == name then return device end
  end
end

local function address_of(device, family, address)
  for _, entry in ipairs(device.addresses) do
    if entry.family == family and (address == nil or entry.address == address) then
      return entry
    end
  end
end

describe("pcap.devices", function()
  it("lists the interfaces in the order and by the names of tcpdump -D", function()
    local names = {}
    for name in shell.run("tcpdump -D"):gmatch "%d+%.(%S+)" do
      names[#names + 1] = name
    end
    local ours = {}
    for i, device in ipairs(assert(pcap.devices())) do
      ours[i] = device.name
    end
    assert.same(names, ours)
  end)

  it("knows the loopback by its flags and addresses", function()
    local lo = assert(find "lo")
    assert.is_true(lo.loopback)
    assert.is_true(lo.up)
    assert.is_false(lo.wireless)
    assert.equal("not applicable", lo.status)
    assert.is_nil(lo.description)
    assert.same({ family = "inet", address = "127.0.0.1", netmask = "255.0.0.0" },
      address_of(lo, "inet", "127.0.0.1"))
  end)

  it("gives no link-layer address that libpcap has not copied whole", function()
    shell.needs_linux "packet sockets' addresses"
    local function text_of(length)
      local bytes = ffi.new("uint8_t[20]") -- a sockaddr_ll, as libpcap copies it
      ffi.cast("uint16_t *", bytes)[0] = AF_PACKET
      bytes[11], bytes[12], bytes[17], bytes[19] = length, 2, 7, 9
      local item, raw = ffi.new("const void *[5]"), ffi.new "luapcap_address"
      item[1] = bytes
      shim.luapcap_address_read(ffi.cast("const luapcap_addr *", item), raw)
      assert.equal(802, raw.family)
      return ffi.string(raw.address)
    end
    assert.equal("02:00:00:00:00:07", text_of(6))
    assert.equal("02:00:00:00:00:07:00:09", text_of(8))
    assert.equal("", text_of(16)) -- as tunnels over IPv6 have
    assert.equal("", text_of(20)) -- as InfiniBand has
  end)

  it("describes the devices that are none of the system's", function()
    local any = assert(find "any")
    assert.equal("string", type(any.description))
    assert.same({}, any.addresses)
  end)

  it("gives addresses, masks, broadcast and status as ip(8) set them", function()
    shell.needs_linux "packet sockets' addresses"
    if not net.require_privilege(pending) then return end
    local a, b, remove = net.veth()
    finally(remove)
    shell.run("ip addr add 192.0.2.9/28 broadcast 192.0.2.15 dev %s", a)
    shell.try("sysctl -qw net.ipv6.conf.%s.disable_ipv6=0", a)
    shell.run("ip addr add 2001:db8::9/64 dev %s", a)
    local device = assert(find(a))
    assert.is_false(device.loopback)
    assert.is_true(device.up and device.running)
    assert.equal("connected", device.status)
    assert.same({ family = "inet", address = "192.0.2.9", netmask = "255.255.255.240",
      broadcast = "192.0.2.15" }, address_of(device, "inet", "192.0.2.9"))
    assert.same({ family = "inet6", address = "2001:db8::9", netmask = "ffff:ffff:ffff:ffff::" },
      address_of(device, "inet6", "2001:db8::9"))
    local mac = shell.read("/sys/class/net/" .. a .. "/address"):gsub("\n", "")
    assert.equal(mac, address_of(device, "link").address)

    shell.run("ip link set %s down", b)
    assert.equal("disconnected", find(a).status)
    assert.is_false(find(b).up)
    assert.same({ "192.0.2.0", "255.255.255.240" }, { pcap.lookupnet(a) })
  end)
end)

describe("pcap.devices, of a point-to-point link,", function()
  it("gives the destination", function()
    if not net.require_privilege(pending) then return end
    local name = ("lpt%d"):format(process.pid() % 1000000)
    local output, status = shell.try("ip tuntap add dev %s mode tun", name)
    if status ~= 0 then return pending("needs tun devices: " .. output) end
    finally(function() shell.run("ip link del %s", name) end)
    shell.run("ip addr add 192.0.2.65 peer 192.0.2.66 dev %s", name)
    assert.equal("192.0.2.66", address_of(find(name), "inet", "192.0.2.65").destination)
  end)
end)

describe("pcap.default_device", function()
  it("is the first of the devices, unless that is a loopback", function()
    local first = assert(pcap.devices())[1]
    if first.loopback then
      assert.same({ nil, "no suitable device found" }, { pcap.default_device() })
    else
      assert.equal(first.name, pcap.default_device())
    end
  end)
end)

describe("pcap.lookupnet", function()
  it("gives a device's network and mask", function()
    assert.same({ "127.0.0.0", "255.0.0.0" }, { pcap.lookupnet "lo" })
  end)

  it("says why there is none", function()
    local net_address, message = pcap.lookupnet "nosuch0"
    assert.is_nil(net_address)
    assert.matches("nosuch0", message, 1, true)
    misuse(function() pcap.lookupnet() end,
      "bad argument #1 to 'lookupnet' (string expected, got nil)")
  end)
end)

describe("pcap.can_set_rfmon", function()
  it("is false for an interface without monitor mode", function()
    if not net.require_privilege(pending) then return end
    assert.is_false(pcap.can_set_rfmon "lo")
    misuse(function() pcap.can_set_rfmon(1) end,
      "bad argument #1 to 'can_set_rfmon' (string expected, got number)")
  end)
end)
