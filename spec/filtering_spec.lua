local net = require "spec.support.net"
local pcap = require "pcap"
local shell = require "spec.support.shell"

local a, b, remove

local function live(sentence, test)
  it(sentence, function()
    if net.require_privilege(pending) then
      test()
    end
  end)
end

-- A filter of more instructions than Linux's kernel takes, which matches frames that end so.
local function large(payload)
  local terms = {}
  for i = 1, 2100 do
    terms[i] = ("ether[14:4] = 0x%08x"):format(i)
  end
  terms[#terms + 1] = ("ether[14] = 0x%02x"):format(payload:byte())
  return table.concat(terms, " or ")
end

local function seen(cap)
  local list = {}
  for pkt in cap:packets() do list[#list + 1] = pkt:bytes():sub(15) end
  assert.equal("timeout", cap:ending())
  return table.concat(list, " ")
end

describe("A filter of a live capture", function()
  local cap, sender

  local function send(...)
    for _, payload in ipairs { ... } do assert(sender:inject(net.frame(payload))) end
  end

  setup(function()
    if net.is_privileged() then a, b, remove = net.veth() end
  end)
  teardown(function()
    if remove then remove() end
  end)
  before_each(function()
    if a then
      cap, sender = assert(pcap.open_live(a, 0, false, 0.3)), assert(pcap.open_live(b))
    end
  end)

  live("is applied here, with a warning, where the kernel does not take one so large", function()
    assert.same({ cap }, { cap:set_filter "ether[14] = 0x79" })
    local set, warning = cap:set_filter(large "x", true)
    assert.equal(cap, set)
    assert.matches("every packet", warning)
    send("xenon", "yttrium", "xylem", "zinc")
    assert.equal("xenon xylem", seen(cap))
    assert.same({ cap }, { cap:set_filter "ether[14] = 0x79" })
    send("xenon", "yttrium")
    assert.equal("yttrium", seen(cap))
  end)

  live("is applied here as well when it is the first", function()
    assert.matches("every packet", (select(2, cap:set_filter(large "x", true))))
    send("xenon", "yttrium")
    assert.equal("xenon", seen(cap))
  end)

  live("stays when a bad one is refused", function()
    assert(cap:set_filter(large "x", true))
    assert.is_nil((cap:set_filter "no such word"))
    send("xenon", "yttrium")
    assert.equal("xenon", seen(cap))
  end)

  live("that is too large is applied in a fanout group, set before or after", function()
    shell.needs_linux "packet fanout"
    assert(cap:set_filter(large "x", true))
    assert(cap:set_fanout(4711))
    send("xenon", "yttrium")
    assert.equal("xenon", seen(cap))
    assert.matches("every packet", (select(2, cap:set_filter(large "y", true))))
    send("xenon", "yttrium")
    assert.equal("yttrium", seen(cap))
  end)

  live("that is too large may only ask what the packet's bytes tell", function()
    local set, message = cap:set_filter("inbound and (" .. large "x" .. ")", true)
    assert.is_nil(set)
    assert.is_string(message)
  end)

  live("lets a read that may not wait come to an end while it rejects all", function()
    assert(cap:set_filter(large "x", true))
    cap:set_nonblock(true)
    send("yttrium", "yttrium", "xenon")
    assert.is_true(cap:wait(5))
    local pkt
    repeat pkt = cap:next() until pkt
    assert.equal(net.frame "xenon", pkt)
  end)

  live("is compiled anew for another link type, or that is refused", function()
    if #cap:datalinks() < 2 then return pending "needs a device with two link types" end
    assert(cap:set_filter "ether[14] = 0x78")
    for _, dlt in ipairs(cap:datalinks()) do
      local before = cap:datalink()
      local set, message = cap:set_datalink(dlt)
      assert.is_true(set == cap or type(message) == "string" and cap:datalink() == before)
    end
    assert(cap:set_datalink(pcap.DLT.EN10MB))
    send("xenon", "yttrium")
    assert.equal("xenon", seen(cap))
  end)
end)

describe("An expression that no packet's bytes answer", function()
  it("is refused wherever packets are not a live capture's", function()
    for _, expression in ipairs { "inbound", "outbound", "not inbound", "ifindex 1",
      "tcp port 80 and outbound" } do
      local filter, message = pcap.compile(expression)
      assert.is_nil(filter, expression)
      assert.is_string(message)
      assert.is_nil((pcap.open_dead():set_filter(expression)))
    end
  end)

  it("is compiled where the link type's header has the answer", function()
    assert(pcap.compile("inbound", { linktype = pcap.DLT.LINUX_SLL }))
  end)
end)
