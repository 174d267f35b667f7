local misuse = require "spec.support.misuse"
local net = require "spec.support.net"
local pcap = require "pcap"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local frame = net.frame
local a, b, remove

-- A live spec: it has the pair a, b of interfaces, or is skipped without the privilege.
local function live(sentence, test)
  it(sentence, function()
    if net.require_privilege(pending) then
      test()
    end
  end)
end

describe("open_live", function()
  setup(function()
    if net.is_privileged() then a, b, remove = net.veth() end
  end)
  teardown(function()
    if remove then remove() end
  end)

  it("refuses arguments that are misuse", function()
    misuse(function() pcap.open_live(1) end,
      "bad argument #1 to 'open_live' (string expected, got number)")
    misuse(function() pcap.open_live("l\0o") end,
      "bad argument #1 to 'open_live' (string contains a NUL byte)")
    misuse(function() pcap.open_live("lo", -1) end,
      "bad argument #2 to 'open_live' (integer from 0 to 2147483647 expected, got -1)")
    misuse(function() pcap.open_live("lo", "all") end,
      "bad argument #2 to 'open_live' (number expected, got string)")
    misuse(function() pcap.open_live("lo", 0, false, -0.1) end,
      "bad argument #4 to 'open_live' (seconds expected, got -0.1)")
    local nan = tostring(0 / 0)
    misuse(function() pcap.open_live("lo", 0 / 0) end,
      "bad argument #2 to 'open_live' (integer from 0 to 2147483647 expected, got " .. nan .. ")")
    misuse(function() pcap.open_live("lo", 0, false, 0 / 0) end,
      "bad argument #4 to 'open_live' (seconds expected, got " .. nan .. ")")
  end)

  live("needs no arguments: every device, all of each packet, no wait", function()
    local cap = assert(pcap.open_live())
    assert.equal("pcap capture (live any)", tostring(cap))
    assert.equal(pcap.DLT.LINUX_SLL, cap:datalink())
    assert.equal(262144, cap:snapshot())
    cap:close()
    assert.equal("pcap capture (live any, closed)", tostring(cap))
  end)

  live("takes the snaplen, 0 for the most there is", function()
    assert.equal(262144, pcap.open_live(a, 0):snapshot())
    assert.equal(96, pcap.open_live(a, 96):snapshot())
    assert.equal(262144, pcap.open_live(a, 2 ^ 31 - 1):snapshot())
    assert.equal(pcap.DLT.EN10MB, pcap.open_live(a):datalink())
  end)

  live("cuts packets at the snaplen and keeps their length on the wire", function()
    local cap, whole = pcap.open_live(a, 64, false, 5), frame(("x"):rep(186))
    pcap.open_live(b):inject(whole)
    local capdata, timestamp, wirelen = cap:next()
    assert.equal(whole:sub(1, 64), capdata)
    assert.equal(200, wirelen)
    assert.is_true(math.abs(timestamp - os.time()) < 10)
  end)

  live("sets promiscuous mode only when told, and until the close", function()
    local function promiscuity()
      return tonumber(shell.run("ip -d link show %s", a):match("promiscuity (%d+)"))
    end
    local cap = pcap.open_live(a)
    assert.equal(0, promiscuity())
    cap:close()
    cap = pcap.open_live(a, 0, true)
    assert.equal(1, promiscuity())
    cap:close()
    assert.equal(0, promiscuity())
  end)

  live("takes its arguments by name too", function()
    local cap = pcap.open_live { device = a, snaplen = 70, promisc = false, timeout = 0.01,
      buffer_size = 4e6, immediate = true }
    assert.equal("pcap capture (live " .. a .. ")", tostring(cap))
    assert.equal(70, cap:snapshot())
    assert.same({ nil, "timeout" }, { cap:next() })
  end)

  live("hears every device as any", function()
    local cap = assert(pcap.open_live("any", 0, false, 5)):set_filter("ether proto 0x88b5")
    local payload = "over any, " .. a .. ("."):rep(60)
    pcap.open_live(b):inject(frame(payload))
    repeat
      local capdata, reason = cap:next()
      assert.is_truthy(capdata, reason)
    until capdata:sub(17) == payload
  end)

  live("hears loopback", function()
    local cap = assert(pcap.open_live("lo", 0, false, 5)):set_filter("ether proto 0x88b5")
    local sent = frame("over loopback, " .. a)
    assert.equal(#sent, cap:inject(sent))
    repeat
      local capdata, reason = cap:next()
      assert.is_truthy(capdata, reason)
    until capdata == sent
  end)

  live("gives a warning as its second value", function()
    local cap, warning = pcap.open_live("any", 0, true)
    assert.is_truthy(cap)
    assert.matches("^any: .*[Pp]romiscuous mode", warning)
    assert.is_nil(select(2, pcap.open_live("any")))
  end)

  it("names the device that does not exist", function()
    local cap, message = pcap.open_live("nodevice7")
    assert.is_nil(cap)
    if net.require_privilege(pending) then
      assert.matches("^nodevice7: No such device", message)
    end
  end)

  live("names the device that is down", function()
    local _, down, remove_both = net.veth()
    finally(remove_both)
    shell.run("ip link set %s down", down)
    local cap, message = pcap.open_live(down)
    assert.is_nil(cap)
    assert.matches("^" .. down .. ": .*not up", message)
  end)

  live("says which privilege is missing", function()
    local output = process.lua([[
      local cap, message = require("pcap").open_live("lo")
      io.write(tostring(cap), " ", message)
    ]], { prefix = "setpriv --inh-caps=-net_raw,-net_admin --bounding-set=-net_raw,-net_admin" })
    assert.matches("^nil lo: ", output)
    assert.matches("permission", output)
    assert.matches("root", output)
    assert.matches("CAP_NET_RAW", output)
  end)

  live("gives a descriptor that is ready when a packet is there", function()
    local cap = pcap.open_live(a)
    local link = shell.run("readlink /proc/%s/fd/%s", process.pid(), cap:getfd())
    assert.matches("^socket:", link)
  end)

  live("filters what comes", function()
    local cap = pcap.open_live(a, 0, false, 5)
    local set, message = cap:set_filter("tcp prt 80")
    assert.is_nil(set)
    assert.matches("syntax error", message)
    assert.equal(cap, cap:set_filter("ether[14] = 0x42"))
    local sender = pcap.open_live(b)
    sender:inject(frame("A no"))
    sender:inject(frame("B yes"))
    assert.equal(frame("B yes"), (cap:next()))
  end)

  live("gives dump files of its kind", function()
    local folder, remove_folder = shell.folder()
    finally(remove_folder)
    local cap = pcap.open_live(a, 128, false, 5)
    local dumper = cap:dump_open(folder .. "/out")
    pcap.open_live(b):inject(frame("to be dumped"))
    local pkt = cap:next_packet()
    local sec, nsec = pkt.sec, pkt.nsec
    assert(dumper:dump(pkt))
    dumper:close()
    local saved = pcap.open_offline(folder .. "/out")
    assert.equal(128, saved:snapshot())
    pkt = saved:next_packet()
    assert.equal(frame("to be dumped"), pkt:bytes())
    assert.same({ sec, nsec }, { pkt.sec, pkt.nsec })
  end)
end)

describe("inject", function()
  setup(function()
    if net.is_privileged() then a, b, remove = net.veth() end
  end)
  teardown(function()
    if remove then remove() end
  end)

  live("gives the bytes sent, and the other end gets them as they are", function()
    local cap, sender = pcap.open_live(a, 0, false, 5), pcap.open_live(b)
    local every = {}
    for i = 0, 255 do every[i + 1] = string.char(i) end
    local payload = table.concat(every):rep(6)
    for _, length in ipairs { 14, 15, 60, 61, 1000, 1513, 1514 } do
      local whole = frame(payload):sub(1, length)
      assert.equal(length, sender:inject(whole))
      local capdata, _, wirelen = cap:next()
      assert.is_true(whole == capdata, length)
      assert.equal(length, wirelen)
    end
  end)

  live("gives a message for a packet of more than the interface takes", function()
    local sent, message = pcap.open_live(b):inject(frame(("x"):rep(1501 + 20)))
    assert.is_nil(sent)
    assert.matches("^" .. b .. ": .*[Mm]essage too long", message)
    sent, message = pcap.open_live(b):inject(("x"):rep(10 * 1024 * 1024))
    assert.is_nil(sent)
    assert.matches("^" .. b .. ": ", message)
  end)

  live("gives a message for an empty packet and for one without a whole header", function()
    local cap = pcap.open_live(b)
    assert.same({ nil, b .. ": an empty packet cannot be sent" }, { cap:inject("") })
    local sent, message = cap:inject("x")
    assert.is_nil(sent)
    assert.matches("^" .. b .. ": ", message)
  end)

  live("sends more packets than the interface queues", function()
    local sender, whole = pcap.open_live(b), frame(("x"):rep(1000))
    for _ = 1, 5000 do
      assert(sender:inject(whole))
    end
  end)
end)
