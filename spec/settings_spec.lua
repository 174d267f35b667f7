local misuse = require "spec.support.misuse"
local net = require "spec.support.net"
local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local a, b, remove
local folder, remove_folder

local function live(sentence, test)
  it(sentence, function()
    if net.require_privilege(pending) then
      test()
    end
  end)
end

local function file(header)
  return assert(pcap.open_offline(shell.write(folder .. "/f.pcap", savefile.header(header))))
end

-- The payloads of the frames that come within the timeout of a capture's first read.
local function payloads(cap)
  local list = {}
  for pkt in cap:packets() do
    list[#list + 1] = pkt:bytes(15)
  end
  return list
end

describe("Settings", function()
  setup(function()
    folder, remove_folder = shell.folder()
    if net.is_privileged() then a, b, remove = net.veth() end
  end)
  teardown(function()
    remove_folder()
    if remove then remove() end
  end)

  it("of a savefile tell its format", function()
    local cap = file { big = true, linktype = 1, snaplen = 1000 }
    assert.is_true(cap:is_swapped())
    assert.is_false(file():is_swapped())
    assert.same({ 2, 4 }, { cap:version() })
    assert.same({ 2, 3 }, { file { minor = 3 }:version() })
    assert.same({ 1, 1000 }, { cap:datalink(), cap:snapshot() })
    assert.equal("micro", cap:tstamp_precision())
    assert.equal("nano", pcap.open_offline(folder .. "/f.pcap", { precision = "nano" })
      :tstamp_precision())
    assert.same({ 1 }, cap:datalinks())
    assert.equal(cap, cap:set_datalink(1))
    assert.equal(0, cap:datalink_ext())
    assert.is_true(cap:bufsize() > 0)
    assert.is_false(cap:nonblock())
    assert.is_nil(cap:required_timeout())
  end)

  it("that a savefile has not are libpcap's messages", function()
    local cap = file()
    assert.same({ nil, "Statistics aren't available from savefiles" }, { cap:stats() })
    assert.same({ nil, "Setting direction is not supported on savefiles" },
      { cap:set_direction "in" })
    assert.same({ nil, "Savefiles cannot be put into non-blocking mode" },
      { cap:set_nonblock(true) })
    assert.same({ nil, "PPP is not one of the DLTs supported by this device" },
      { cap:set_datalink(pcap.DLT.PPP) })
    assert.same({ nil, tostring(cap) .. " has no descriptor" }, { cap:fileno() })
  end)

  it("that a dead capture has not are messages too", function()
    local cap = pcap.open_dead()
    for _, setting in ipairs { "stats", "nonblock", "fileno" } do
      local value, message = cap[setting](cap)
      assert.is_nil(value)
      assert.equal("string", type(message))
    end
    assert.is_nil((cap:set_direction "in"))
    assert.is_nil((cap:set_nonblock(true)))
  end)

  it("check what they are given", function()
    local cap = file()
    misuse(function() cap:set_direction "up" end,
      [[bad argument #1 to 'set_direction' ("in", "out" or "inout" expected, got up)]])
    misuse(function() cap:set_nonblock(1) end,
      "bad argument #1 to 'set_nonblock' (boolean expected, got number)")
    misuse(function() cap:set_datalink "EN10MB" end,
      "bad argument #1 to 'set_datalink' (number expected, got string)")
    cap:close()
    for _, name in ipairs { "stats", "is_swapped", "datalinks", "fileno", "version", "nonblock" } do
      misuse(function() cap[name](cap) end,
        ("calling '%s' on bad self: pcap capture has been closed"):format(name))
    end
    misuse(function() cap.is_swapped {} end,
      "calling 'is_swapped' on bad self (pcap capture expected, got table)")
  end)

  live("count the packets that came, and those for which the buffer had no room", function()
    local cap = pcap.open_live { device = b, timeout = 0.5, buffer_size = 65536 }
    local sender = pcap.open_live(a)
    assert.same({ received = 0, dropped = 0, if_dropped = 0 }, cap:stats())
    for i = 1, 5 do sender:inject(net.frame("count " .. i)) end
    assert.equal(5, #payloads(cap))
    assert.same({ received = 5, dropped = 0, if_dropped = 0 }, cap:stats())
    local big = net.frame(("x"):rep(1400))
    for _ = 1, 2000 do sender:inject(big) end
    local stats = cap:stats()
    assert.equal(2005, stats.received)
    assert.is_true(stats.dropped > 0 and stats.dropped < 2000, stats.dropped)
  end)

  live("choose the direction, at opening and later", function()
    local inwards = pcap.open_live { device = a, timeout = 0.2, direction = "in" }
    local outwards = pcap.open_live { device = a, timeout = 0.2, direction = "out" }
    local later = pcap.open_live { device = a, timeout = 0.2 }
    assert.equal(later, later:set_direction "out")
    local from_a, from_b = pcap.open_live(a), pcap.open_live(b)
    from_a:inject(net.frame "sent")
    from_b:inject(net.frame "received")
    assert.same({ "received" }, payloads(inwards))
    assert.same({ "sent" }, payloads(outwards))
    assert.same({ "sent" }, payloads(later))
    assert.equal(later, later:set_direction "inout")
    from_a:inject(net.frame "sent")
    from_b:inject(net.frame "received")
    assert.same({ "sent", "received" }, payloads(later))
  end)

  live("capture one protocol only", function()
    shell.needs_linux "a capture's protocol"
    local cap = pcap.open_live { device = b, timeout = 0.2, protocol = 0x88b5 }
    local sender = pcap.open_live(a)
    sender:inject((net.frame "other"):gsub("\x88\xb5", "\x88\xb6"))
    sender:inject(net.frame "ours")
    assert.same({ "ours" }, payloads(cap))
  end)

  live("make reads do without waiting, for next and packets alike, and back", function()
    local monotonic = require("pcap.core.shim").luapcap_monotonic
    local cap = pcap.open_live { device = b, timeout = 0.3 }
    assert.is_false(cap:nonblock())
    assert.equal(cap, cap:set_nonblock(true))
    assert.is_true(cap:nonblock())
    local before = monotonic()
    for _ = 1, 20 do
      assert.same({ nil, "timeout" }, { cap:next() })
      for _ in cap:packets() do error "a packet" end
      assert.equal("timeout", cap:ending())
    end
    assert.is_true(monotonic() - before < 3)
    cap:set_nonblock(false)
    before = monotonic()
    assert.same({ nil, "timeout" }, { cap:next() })
    assert.is_true(monotonic() - before >= 0.3)
  end)

  live("give nanoseconds where they are asked for", function()
    local cap = pcap.open_live { device = b, timeout = 1, precision = "nano" }
    assert.equal("nano", cap:tstamp_precision())
    assert.equal("micro", pcap.open_live(b):tstamp_precision())
    local sender, odd = pcap.open_live(a), 0
    for _ = 1, 20 do
      sender:inject(net.frame "tick")
      local pkt = assert(cap:next_packet())
      assert.is_true(math.abs(pkt.sec - os.time()) <= 2)
      if pkt.nsec % 1000 ~= 0 then odd = odd + 1 end
    end
    assert.is_true(odd > 0, "every time was of whole microseconds")
  end)

  live("of a live capture tell of the device", function()
    local cap = pcap.open_live { device = a, tstamp_type = "host" }
    assert.same({ pcap.DLT.EN10MB }, { cap:datalink() })
    local types = cap:tstamp_types()
    assert.equal("host", pcap.tstamp_type_name(types[1]))
    assert.is_true(cap:fileno() > 2)
    assert.equal(cap:getfd(), cap:fileno())
    local offered = {}
    for _, dlt in ipairs(cap:datalinks()) do offered[dlt] = true end
    assert.is_true(offered[pcap.DLT.EN10MB])
  end)

  live("that a device cannot do are nil and a message that names it", function()
    local cap, message = pcap.open_live { device = a, rfmon = true }
    assert.is_nil(cap)
    assert.matches("^" .. a .. ": .*monitor mode", message)
    cap, message = pcap.open_live { device = a, tstamp_type = "adapter" }
    assert.is_nil(cap)
    assert.matches("^" .. a .. ": .*time stamp", message)
  end)

  it("of the table form are checked by name", function()
    misuse(function() pcap.open_live { tstamp_type = 0.5 } end, "bad argument #1 to 'open_live' "
      .. "(option 'tstamp_type': time stamp type expected, got 0.5)")
    misuse(function() pcap.open_live { tstamp_type = "clock" } end,
      [[bad argument #1 to 'open_live' (option 'tstamp_type': time stamp type expected, ]]
      .. [[got "clock")]])
    misuse(function() pcap.open_live { direction = "up" } end,
      [[bad argument #1 to 'open_live' (option 'direction': "in", "out" or "inout" expected, ]]
      .. [[got "up")]])
    misuse(function() pcap.open_live { protocol = 65536 } end,
      "bad argument #1 to 'open_live' (option 'protocol': integer from 0 to 65535 expected, "
      .. "got 65536)")
    misuse(function() pcap.open_live { rfmon = "yes" } end,
      [[bad argument #1 to 'open_live' (option 'rfmon': boolean expected, got "yes")]])
  end)
end)

describe("The counts of a capture", function()
  local ffi, shim = require "ffi", require "pcap.core.shim"

  it("go on where libpcap's begin again at 2^32", function()
    local stat = ffi.new "luapcap_stat"
    shim.luapcap_count_on(stat, 4294967290, 7, 0)
    shim.luapcap_count_on(stat, 4, 7, 4294967295)
    assert.same({ 4294967300, 7, 4294967295 }, { stat.received, stat.dropped, stat.if_dropped })
    shim.luapcap_count_on(stat, 3, 8, 0)
    assert.same({ 8589934595, 8, 4294967296 }, { stat.received, stat.dropped, stat.if_dropped })
  end)
end)
