local ffi = require "ffi"
local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove, path

-- Five packets of 10, 20, ... 50 bytes.
local function packets()
  local records = { savefile.header() }
  for i = 1, 5 do
    records[#records + 1] = savefile.record(tostring(i):rep(i * 10), { sec = i, wirelen = i * 100 })
  end
  return table.concat(records)
end

local function lengths(cap)
  local list = {}
  for capdata in cap.next, cap do
    list[#list + 1] = #capdata
  end
  return list
end

describe("A capture", function()
  before_each(function()
    folder, remove = shell.folder()
    path = shell.write(folder .. "/five.pcap", packets())
  end)
  after_each(function() remove() end)

  it("gives the packets' bytes, time and length on the wire with next", function()
    local cap = pcap.open_offline(path)
    assert.same({ ("1"):rep(10), 1, 100 }, { cap:next() })
    assert.same({ ("2"):rep(20), 2, 200 }, { cap:next() })
  end)

  it("is read by the documented loop", function()
    local cap, i = pcap.open_offline(path), 0
    for capdata, timestamp, wirelen in cap.next, cap do
      i = i + 1
      assert.same({ tostring(i):rep(i * 10), i, i * 100 }, { capdata, timestamp, wirelen })
    end
    assert.equal(5, i)
  end)

  it("has one position for next, next_packet and packets", function()
    local cap = pcap.open_offline(path)
    assert.equal(10, #cap:next())
    assert.equal(20, cap:next_packet().caplen)
    for pkt in cap:packets(1) do
      assert.equal(30, pkt.caplen)
    end
    assert.same({ 40, 50 }, lengths(cap))
    assert.same({ nil, "closed" }, { cap:next_packet() })
  end)

  it("loops over all packets, or a limited number of them", function()
    local cap, seen = pcap.open_offline(path), {}
    for pkt in cap:packets(2) do seen[#seen + 1] = pkt.caplen end
    assert.equal("limit", cap:ending())
    for pkt in cap:packets() do seen[#seen + 1] = pkt.caplen end
    assert.equal("closed", cap:ending())
    assert.same({ 10, 20, 30, 40, 50 }, seen)
    for _ in cap:packets(0) do error "a packet" end
    assert.equal("limit", cap:ending())
    for _ in cap:packets(1) do error "a packet" end
    assert.equal("closed", cap:ending())
  end)

  it("counts each loop's packets apart where one runs within another", function()
    local cap, order = pcap.open_offline(path), {}
    for pkt in cap:packets(2) do
      order[#order + 1] = "outer " .. pkt.sec
      for inner in cap:packets(1) do
        order[#order + 1] = "inner " .. inner.sec
      end
    end
    assert.equal(4, #order)
    assert.matches("^outer", order[3])
    assert.equal("limit", cap:ending())
  end)

  it("tells how a loop ended that was left", function()
    local cap = pcap.open_offline(path)
    for _ in cap:packets() do break end -- luacheck: ignore 512
    assert.equal("break", cap:ending())
    for _ in cap:packets(2) do break end -- luacheck: ignore 512
    assert.equal("break", cap:ending())
    assert.same({ 30, 40, 50 }, lengths(cap))
  end)

  it("tells how a loop ended that an error ended, after the packets before it", function()
    shell.write(path, packets():sub(1, -7))
    local cap, seen = pcap.open_offline(path), 0
    for _ in cap:packets() do seen = seen + 1 end
    assert.equal(4, seen)
    assert.matches("^truncated dump file", cap:ending())
  end)

  it("is kept alive by a loop over its packets", function()
    local seen = 0
    for pkt in pcap.open_offline(path):packets() do
      collectgarbage()
      collectgarbage()
      seen = seen + 1
      assert.equal(tostring(seen):rep(seen * 10), ffi.string(pkt.data, pkt.caplen))
    end
    assert.equal(5, seen)
  end)

  it("refuses a limit that is no count", function()
    local cap = pcap.open_offline(path)
    misuse(function() cap:packets(-1) end,
      "bad argument #1 to 'packets' (integer from 0 to 9007199254740992 expected, got -1)")
    misuse(function() cap:packets("all") end,
      "bad argument #1 to 'packets' (number expected, got string)")
  end)

  it("filters from the call on, and gives itself", function()
    local cap = pcap.open_offline(path)
    assert.equal(10, #cap:next())
    assert.equal(cap, cap:set_filter("len > 300"))
    assert.same({ 40, 50 }, lengths(cap))
  end)

  it("takes another filter in the place of one", function()
    local cap = pcap.open_offline(path):set_filter("len = 100")
    assert.equal(10, #cap:next())
    cap:set_filter("")
    assert.equal(20, #cap:next())
    cap:set_filter("len >= 400")
    assert.same({ 40, 50 }, lengths(cap))
  end)

  it("keeps its filter when given a bad one, and gives libpcap's message", function()
    local cap = pcap.open_offline(path):set_filter("len > 300")
    for _, nooptimize in ipairs { false, true } do
      local set, message = cap:set_filter("no such thing", nooptimize)
      assert.is_nil(set)
      assert.matches("syntax error", message)
    end
    assert.same({ 40, 50 }, lengths(cap))
  end)

  it("optimizes a filter unless told not to, which matches the same", function()
    -- Only the optimizer sees that no packet can match this, and libpcap refuses it then.
    local set, message = pcap.open_offline(path):set_filter("ip and arp")
    assert.is_nil(set)
    assert.equal("expression rejects all packets", message)
    assert.same({}, lengths(pcap.open_offline(path):set_filter("ip and arp", true)))
    assert.same({ 10 }, lengths(pcap.open_offline(path):set_filter("len == 100", true)))
  end)

  it("has a descriptor that stays its own", function()
    local cap = pcap.open_offline(path)
    local fd = cap:getfd()
    local target = shell.run("readlink /proc/%s/fd/%s", require("spec.support.process").pid(), fd)
    assert.equal(path .. "\n", target)
  end)

  it("does not send from a savefile", function()
    local sent, message = pcap.open_offline(path):inject(("x"):rep(60))
    assert.is_nil(sent)
    assert.equal(path .. ": Sending packets isn't supported on savefiles", message)
  end)

  it("does not send an empty packet", function()
    local sent, message = pcap.open_offline(path):inject("")
    assert.is_nil(sent)
    assert.equal(path .. ": an empty packet cannot be sent", message)
  end)

  it("raises for arguments that are misuse", function()
    local cap = pcap.open_offline(path)
    misuse(function() cap:set_filter() end,
      "bad argument #1 to 'set_filter' (string expected, got nil)")
    misuse(function() cap:set_filter("ip\0") end,
      "bad argument #1 to 'set_filter' (string contains a NUL byte)")
    misuse(function() cap:inject(12) end,
      "bad argument #1 to 'inject' (string expected, got number)")
    misuse(function() cap:dump_open() end,
      "bad argument #1 to 'dump_open' (string expected, got nil)")
    misuse(function() cap:dump_open("a\0b") end,
      "bad argument #1 to 'dump_open' (string contains a NUL byte)")
  end)

  it("raises for every method on something else", function()
    local cap = pcap.open_offline(path)
    for _, name in ipairs { "next", "next_packet", "packets", "ending", "inject", "set_filter",
      "datalink", "snapshot", "getfd", "dump_open", "close" } do
      misuse(function() cap[name]({}, "x") end, "calling '" .. name
        .. "' on bad self (pcap capture expected, got table)")
      misuse(function() cap[name]() end, "calling '" .. name
        .. "' on bad self (pcap capture expected, got nil)")
    end
  end)

  it("raises for every method but close once it is closed", function()
    local cap = pcap.open_offline(path)
    cap:next()
    assert.is_true(cap:close())
    for _, name in ipairs { "next", "next_packet", "packets", "ending", "inject", "set_filter",
      "datalink", "snapshot", "getfd", "dump_open" } do
      misuse(function() cap[name](cap, "x") end, "calling '" .. name
        .. "' on bad self: pcap capture has been closed")
    end
    assert.is_true(cap:close())
    assert.is_true(cap:close())
  end)

  it("raises when a loop goes on after its close", function()
    local cap, seen = pcap.open_offline(path), 0
    local _, message = pcall(function()
      for _ in cap:packets() do seen = seen + 1; cap:close() end
    end)
    assert.equal(1, seen)
    assert.matches("^spec/capture_spec.lua:%d+: calling 'packets' on bad self: "
      .. "pcap capture has been closed$", message)
    cap = pcap.open_offline(path)
    misuse(function() for _ in cap.next, cap do cap:close() end end,
      "calling 'next' on bad self: pcap capture has been closed")
  end)

  it("tells as a string what it is, on what, and whether closed", function()
    local cap = pcap.open_offline(path)
    assert.equal("pcap capture (savefile " .. path .. ")", tostring(cap))
    cap:close()
    assert.equal("pcap capture (savefile " .. path .. ", closed)", tostring(cap))
  end)
end)
