-- Live captures of any device, beside tcpdump; and where each packet comes from.

local net = require "spec.support.net"
local nginx = require "spec.support.nginx"
local pcap = require "pcap"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

local DLT = pcap.DLT

describe("A live capture of several interfaces #live", function()
  local a, b, remove, folder, remove_folder, indexes
  setup(function()
    if net.is_privileged() then
      shell.needs "tcpdump"
      folder, remove_folder = shell.folder()
      a, b, remove = net.veth()
      indexes = {}
      for _, name in ipairs { a, b } do
        indexes[name] = tonumber(shell.read("/sys/class/net/" .. name .. "/ifindex"))
      end
    end
  end)
  teardown(function()
    if remove then
      remove()
      remove_folder()
    end
  end)

  -- Frames of our own kind, one of them tagged, that name the interface that sent them.
  local function frames(from, word)
    local list = {}
    for i, tags in ipairs { "", "\129\0\32\5", "" } do
      local payload = ("%s %s %d"):format(word, from, i)
      list[i] = ("\255"):rep(6) .. "\2\0\0\0\0\1" .. tags .. "\x88\xb5" .. payload
        .. (" "):rep(60 - #payload)
    end
    return list
  end

  -- Sends them from both ends. From b none is tagged: Linux tells a cooked socket of tags in
  -- packets that go out, and its filters see nothing of those.
  local function send(word)
    for _, name in ipairs { a, b } do
      local sender = assert(pcap.open_live(name))
      for i, frame in ipairs(frames(name, word)) do
        if name == a or i ~= 2 then
          assert(sender:inject(frame))
        end
      end
      sender:close()
    end
  end

  -- The packets from the last bytes of their link-layer header on. A cooked header has two bytes
  -- that nobody sets.
  local function read(source)
    local list = {}
    for pkt in source:packets() do
      list[#list + 1] = pkt:bytes():match "..word.*"
    end
    return list
  end

  -- What tcpdump captures with each of some filters while packets are sent.
  local function ask_tcpdump(arguments, filters)
    local pids = {}
    for i, filter in ipairs(filters) do
      pids[i] = shell.run(("tcpdump -U --immediate-mode %s -w %%s %%s >%%s 2>&1 & echo $!")
        :format(arguments), folder .. "/judge" .. i, filter, folder .. "/log" .. i):match "%d+"
    end
    for i in ipairs(filters) do
      shell.run("for i in $(seq 200); do grep -q 'listening on' %s && break; sleep 0.02; done",
        folder .. "/log" .. i)
    end
    -- With "inbound" or "ifindex", libpcap itself rejects the first packets.
    send "early"
    send "word"
    shell.run "sleep 0.15"
    local expected = {}
    for i, pid in ipairs(pids) do
      shell.run("kill -INT %s", pid)
      assert(nginx.wait_for_end(pid))
      expected[i] = read(assert(pcap.open_offline(folder .. "/judge" .. i)))
      assert(os.remove(folder .. "/log" .. i))
    end
    return expected
  end

  local function expressions()
    return { "ether proto 0x88b5", "inbound", "outbound and greater 40 and not tcp", "not inbound",
      "ifindex " .. indexes[b] }
  end

  local function compare(dlt, arguments)
    local only = ("ifindex %d and (%%s)"):format(indexes[b])
    local filters, caps = {}, {}
    for i, expression in ipairs(expressions()) do
      filters[i] = only:format(expression)
    end
    local expected = ask_tcpdump(arguments, filters)
    local function set(filter)
      for i, cap in ipairs(caps) do
        assert(cap:set_filter(filter or filters[i]))
      end
    end
    local function check(when)
      shell.run "sleep 0.2" -- the kernel hands over its blocks
      for i, cap in ipairs(caps) do
        assert.same(expected[i], read(cap), filters[i] .. when)
      end
    end
    for i in ipairs(filters) do
      caps[i] = assert(pcap.open_live("any", 0, false, 0.02))
    end
    send "word"
    for _, cap in ipairs(caps) do
      assert(not dlt or cap:set_datalink(dlt))
    end
    set()
    check ", set when the packets had come in without a filter"
    set(only:format "greater 1")
    send "word"
    set()
    check ", set when they had passed another filter"
    send "word"
    check ", judged by the kernel"
    for _, cap in ipairs(caps) do
      cap:close()
    end
  end

  it("gives on any what the filter takes that is set, with either cooked header", function()
    if not net.require_privilege(pending) then return end
    compare(nil, "-i any -y LINUX_SLL")
    compare(DLT.LINUX_SLL2, "-i any -y LINUX_SLL2")
  end)

  it("loses no packet while its filter is changed again and again", function()
    if not net.require_privilege(pending) then return end
    local count = 20000
    local packets = traffic.write(folder .. "/numbered.pcap", count)
    for _, device in ipairs { a, "any" } do
      local cap = assert(pcap.open_live { device = device, timeout = 0.3 })
      assert(cap:set_filter(("%s and inbound and ifindex %d"):format(traffic.FILTER, indexes[a])))
      local finish = traffic.start(packets, b, 40000)
      local wanted, changes = 1, 0
      repeat
        changes = changes + 1
        assert(cap:set_filter(("%s and inbound and ifindex %d and len >= %d")
          :format(traffic.FILTER, indexes[a], changes % 30)))
        local pkt
        for _ = 1, 100 do
          pkt = cap:next_packet()
          if not pkt then break end
          local number = tonumber(pkt:bytes():match "%d%d%d%d%d%d%d%d")
          if number ~= wanted then
            error(("packet %d came instead of %d"):format(number, wanted))
          end
          wanted = number + 1
        end
      until wanted > count or not pkt
      assert.equal(count, (finish()))
      assert.equal(count, wanted - 1)
      assert.equal(0, cap:stats().dropped)
      assert.is_true(changes >= 100)
      cap:close()
    end
  end)

  it("tells each packet's direction and interface", function()
    if not net.require_privilege(pending) then return end
    for _, case in ipairs { { a, "micro" }, { a, "nano", true }, { "any", "nano" },
      { "any", "micro", true } } do
      local device, precision, immediate = unpack(case)
      local cap = assert(pcap.open_live { device = device, precision = precision, timeout = 0.2,
        immediate = immediate })
      send "told"
      local seen = {}
      for pkt in cap:packets() do
        local from = pkt:bytes():match "told (%S+) [13]"
        local interface = cap:interfaces()[pkt.interface]
        if from then
          assert.equal(indexes[interface.name], interface.index)
          seen[#seen + 1] = from .. " " .. interface.name .. " " .. pkt.direction
        end
      end
      local expected = {}
      for _, from in ipairs { a, b, a, b } do
        if device == "any" then
          expected[#expected + 1] = from .. " " .. from .. " out"
          expected[#expected + 1] = from .. " " .. (from == a and b or a) .. " in"
        else
          expected[#expected + 1] = from .. " " .. a .. " " .. (from == a and "out" or "in")
        end
      end
      table.sort(seen)
      table.sort(expected)
      assert.same(expected, seen)
      cap:close()
    end
  end)
end)
