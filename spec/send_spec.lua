local ffi = require "ffi"
local misuse = require "spec.support.misuse"
local net = require "spec.support.net"
local pcap = require "pcap"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

ffi.cdef [[
  int luapcapspec_setsockopt(int fd, int level, int name, const void *value, unsigned int size)
    __asm__("setsockopt");
]]
local SOL_SOCKET, SO_SNDBUF = 1, 7

local a, b, remove

local function live(sentence, test)
  it(sentence, function()
    if net.require_privilege(pending) then
      test()
    end
  end)
end

-- What a capture gets while `send` runs: its packets as strings.
local function received(send)
  local cap = assert(pcap.open_live { device = b, timeout = 0.3, direction = "in",
    buffer_size = 32 * 1024 * 1024 })
  send()
  local list = {}
  for pkt in cap:packets() do
    list[#list + 1] = pkt:bytes()
  end
  return list
end

local function frames(count)
  local list = {}
  for i = 1, count do
    list[i] = net.frame(("%05d"):format(i) .. ("x"):rep(i * 37 % 1400))
  end
  return list
end

describe("Sending:", function()
  setup(function()
    if net.is_privileged() then a, b, remove = net.veth() end
  end)
  teardown(function()
    if remove then remove() end
  end)

  describe("cap:inject_all", function()
    live("sends every packet of a list, unchanged and in order", function()
      local cap, list = pcap.open_live(a), frames(3000)
      local got = received(function()
        assert.equal(3000, cap:inject_all(list))
      end)
      assert.equal(3000, #got)
      for i = 1, 3000 do
        if got[i] ~= list[i] then error("packet " .. i .. " differs") end
      end
    end)

    live("sends what an iterator over packets, or over strings, gives", function()
      local folder, remove_folder = shell.folder()
      finally(remove_folder)
      local list, dumper = frames(600), assert(pcap.open_dead():dump_open(folder .. "/f.pcap"))
      for _, frame in ipairs(list) do assert(dumper:dump(frame, 1)) end
      assert(dumper:close())
      local cap = pcap.open_live(a)
      assert.same(list, received(function()
        assert.equal(600, cap:inject_all(pcap.open_offline(folder .. "/f.pcap"):packets()))
      end))
      local source = pcap.open_offline(folder .. "/f.pcap")
      assert.same(list, received(function()
        assert.equal(600, cap:inject_all(source.next, source))
      end))
    end)

    live("sends on, in order, where the system takes a batch only in part", function()
      local cap, list = pcap.open_live(a), frames(2000)
      local _, status = shell.try(
        "tc qdisc add dev %s root tbf rate 80mbit burst 3000 limit 40000000", a)
      if status ~= 0 then return pending("needs tc and its token bucket filter") end
      finally(function() shell.run("tc qdisc del dev %s root", a) end)
      local size = ffi.new("int[1]", 4608) -- less than a queue of these packets takes
      assert.equal(0, ffi.C.luapcapspec_setsockopt(cap:fileno(), SOL_SOCKET, SO_SNDBUF, size, 4))
      local got = received(function()
        assert.equal(2000, cap:inject_all(list))
      end)
      assert.equal(2000, #got)
      for i = 1, 2000 do
        if got[i] ~= list[i] then error("packet " .. i .. " differs") end
      end
    end)

    live("sends nothing for nothing", function()
      local cap = pcap.open_live(a)
      assert.equal(0, cap:inject_all {})
      assert.equal(0, cap:inject_all(function() end))
    end)

    live("tells how many went before one that cannot", function()
      local cap, list = pcap.open_live(a), frames(300)
      list[278] = net.frame(("x"):rep(3000))
      local got = received(function()
        local sent, message, before = cap:inject_all(list)
        assert.is_nil(sent)
        assert.matches("^" .. a .. ": send: Message too long", message)
        assert.equal(277, before)
      end)
      assert.equal(277, #got)
      assert.equal(list[277], got[277])
      local sent, message, before = cap:inject_all { list[1], "", list[2] }
      assert.is_nil(sent)
      assert.equal(a .. ": an empty packet cannot be sent", message)
      assert.equal(1, before)
      sent, message, before = cap:inject_all { ("x"):rep(300000) }
      assert.is_nil(sent)
      assert.equal(a .. ": a packet of 300000 bytes cannot be sent", message)
      assert.equal(0, before)
    end)

    live("gives libpcap's message where nothing can be sent", function()
      local folder, remove_folder = shell.folder()
      finally(remove_folder)
      local sent, message = pcap.open_live("any"):inject_all { net.frame "x" }
      assert.is_nil(sent)
      assert.matches("any", message)
      for _, cap in ipairs { pcap.open_dead() } do
        sent, message = cap:inject_all { "x" }
        assert.is_nil(sent)
        assert.matches("pcap_open_dead", message)
      end
      assert(pcap.open_dead():dump_open(folder .. "/f.pcap")):close()
      sent, message = pcap.open_offline(folder .. "/f.pcap"):inject_all { "x" }
      assert.is_nil(sent)
      assert.matches("savefiles", message)
    end)

    live("does with few system calls, where the system has sendmmsg(2)", function()
      shell.needs_linux "sendmmsg"
      if not shell.has "strace" then return pending("needs strace") end
      local output = process.lua(([[
        local pcap = require "pcap"
        local list = {}
        for i = 1, 2560 do list[i] = %q end
        print(assert(pcap.open_live(%q)):inject_all(list))
      ]]):format(net.frame "x", a), { prefix = "strace -qq -e trace=sendmmsg,sendto,send" })
      assert.matches("2560\n$", output)
      local calls = select(2, output:gsub("\n?send%l+%(", ""))
      assert.is_true(calls >= 1, "strace saw nothing")
      assert.is_true(calls <= 40, calls .. " system calls:\n" .. output:sub(1, 500))
    end)

    live("looks a list through before it sends any of it", function()
      local cap, frame = pcap.open_live(a), net.frame "x"
      local lists = {
        { frame, nil, frame }, { frame, frame, nil, nil, frame }, { frame, [1000] = frame },
        { frame, n = 2 }, { frame, frame, n = 3 }, { frame, 1 }, { frame, false }, { frame, {} },
        { frame, n = -1 }, { frame, frame, n = 1.5 }, { frame, n = "1" }, { frame, n = math.huge },
        { frame = frame }, { [0] = frame, frame }, { frame, [1.5] = frame },
      }
      local got = received(function()
        for i, list in ipairs(lists) do
          assert.is_false(pcall(cap.inject_all, cap, list), "list " .. i)
        end
      end)
      assert.same({}, got)
    end)

    live("sends as many of a list as its n says", function()
      local cap, frame = pcap.open_live(a), net.frame "x"
      assert.equal(2, cap:inject_all { frame, frame, n = 2 })
      assert.equal(1, cap:inject_all { frame, frame, n = 1 })
      assert.equal(0, cap:inject_all { n = 0 })
      assert.equal(2, cap:inject_all(setmetatable({}, { __index = { frame, frame } })))
    end)

    live("sends what an iterator gave before a thing that is no packet", function()
      local cap, frame = pcap.open_live(a), net.frame "x"
      local things, index = { frame, frame, false }, 0
      local got = received(function()
        assert.is_false(pcall(cap.inject_all, cap, function()
          index = index + 1
          return things[index]
        end))
      end)
      assert.same({ frame, frame }, got)
    end)

    it("is not given what has packets, but is not them", function()
      local cap, folder, remove_folder = pcap.open_dead(), shell.folder()
      finally(remove_folder)
      local dumper = assert(cap:dump_open(folder .. "/f.pcap"))
      local source = assert(pcap.open_offline(folder .. "/f.pcap"))
      misuse(function() cap:inject_all(source) end, "bad argument #1 to 'inject_all' "
        .. "(list or iterator expected, got pcap capture, whose packets() is one)")
      misuse(function() cap:inject_all(assert(pcap.reader())) end, "bad argument #1 to "
        .. "'inject_all' (list or iterator expected, got pcap reader, whose packets() is one)")
      misuse(function() cap:inject_all(dumper) end,
        "bad argument #1 to 'inject_all' (list or iterator expected, got pcap dumper)")
      misuse(function() cap:inject_all(pcap.compile "ip") end,
        "bad argument #1 to 'inject_all' (list or iterator expected, got pcap filter)")
      misuse(function() cap:inject_all(1, 2) end,
        "bad argument #1 to 'inject_all' (list or iterator expected, got number)")
      dumper:close()
      source:close()
    end)

    it("is given packets", function()
      local cap = pcap.open_dead()
      misuse(function() cap:inject_all() end,
        "bad argument #1 to 'inject_all' (list or iterator expected, got nil)")
      misuse(function() cap:inject_all("x") end,
        "bad argument #1 to 'inject_all' (list or iterator expected, got string)")
      misuse(function() cap:inject_all { 1 } end,
        "bad argument #1 to 'inject_all' (packet or string expected in it, got number)")
      misuse(function() cap:inject_all { [2] = "x" } end,
        "bad argument #1 to 'inject_all' (packet or string expected in it, got nil at 1)")
      misuse(function() cap:inject_all { one = "x", [1.5] = "x" } end,
        "bad argument #1 to 'inject_all' (packet or string expected in it, got nil at 1)")
      local left = 1
      local function closing()
        left = left - 1
        return left == 0 and cap:close() and "x" or nil
      end
      misuse(function() cap:inject_all(closing) end,
        "calling 'inject_all' on bad self: pcap capture has been closed")
    end)
  end)

  describe("cap:sendpacket", function()
    live("sends one packet", function()
      local cap = pcap.open_live(a)
      assert.same({ net.frame "one" }, received(function()
        assert.equal(cap, cap:sendpacket(net.frame "one"))
      end))
      local sent, message = cap:sendpacket(net.frame(("x"):rep(3000)))
      assert.is_nil(sent)
      assert.matches("Message too long", message)
      misuse(function() cap:sendpacket(1) end,
        "bad argument #1 to 'sendpacket' (string expected, got number)")
    end)
  end)
end)
