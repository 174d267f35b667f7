local misuse = require "spec.support.misuse"
local net = require "spec.support.net"
local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local monotonic = require("pcap.core.shim").luapcap_monotonic

local folder, remove_folder, path
local a, b, remove

local function live(sentence, test)
  it(sentence, function()
    if net.require_privilege(pending) then
      test()
    end
  end)
end

local function file()
  return assert(pcap.open_offline(path))
end

describe("Loops with a function:", function()
  setup(function()
    folder, remove_folder = shell.folder()
    local bytes = savefile.header()
    for i = 1, 10 do
      bytes = bytes .. savefile.record("packet " .. i, { sec = i, fraction = 500000, wirelen = 60 })
    end
    path = shell.write(folder .. "/ten.pcap", bytes)
    if net.is_privileged() then a, b, remove = net.veth() end
  end)
  teardown(function()
    remove_folder()
    if remove then remove() end
  end)

  describe("cap:loop", function()
    it("calls a function with each packet's bytes, time and length until the file ends", function()
      local seen = {}
      local count, ending = file():loop(function(...)
        seen[#seen + 1] = { ... }
      end)
      assert.same({ 10, "closed" }, { count, ending })
      for i = 1, 10 do
        assert.same({ "packet " .. i, i + 0.5, 60 }, seen[i])
      end
    end)

    it("ends after the packets that were asked for, and goes on from there", function()
      local cap, last = file(), nil
      local function keep(data) last = data end
      assert.same({ 3, "limit" }, { cap:loop(3, keep) })
      assert.equal("packet 3", last)
      assert.equal("packet 4", (cap:next()))
      assert.same({ 6, "closed" }, { cap:loop(100, keep) })
      assert.same({ 0, "closed" }, { cap:loop(keep) })
    end)

    it("takes no count, 0 and -1 for no limit", function()
      for _, n in ipairs { 0, -1 } do
        assert.same({ 10, "closed" }, { file():loop(n, function() end) })
      end
      assert.same({ 10, "closed" }, { file():loop(nil, function() end) })
    end)

    it("ends with the value that the function returns", function()
      local cap = file()
      assert.same({ 2, "break", "enough" }, { cap:loop(function(data)
        if data == "packet 2" then return "enough" end
      end) })
      assert.same({ 1, "break", false }, { cap:loop(function() return false end) })
      assert.equal("packet 4", (cap:next()))
    end)

    it("ends with breakloop(), which loses no packet", function()
      local cap = file()
      assert.same({ 2, "break" }, { cap:loop(function(data)
        if data == "packet 2" then cap:breakloop() end
      end) })
      assert.equal("packet 3", (cap:next()))
    end)

    it("ends once where the function both breaks and returns a value", function()
      local cap = file()
      assert.same({ 1, "break", 7 }, { cap:loop(function() cap:breakloop() return 7 end) })
      assert.same({ 9, "closed" }, { cap:loop(function() end) })
    end)

    it("raises at its own line when it goes on after a close, and only then", function()
      for _, name in ipairs { "loop", "dispatch" } do
        local cap = file()
        misuse(function() cap[name](cap, function() cap:close() end) end,
          "calling '" .. name .. "' on bad self: pcap capture has been closed")
        cap = file()
        assert.same({ 1, "limit" }, { cap[name](cap, 1, function() cap:close() end) })
      end
    end)

    it("that breakloop() ended before it began reads nothing, once", function()
      local cap = file()
      assert.equal(cap, cap:breakloop())
      assert.same({ 0, "break" }, { cap:loop(function() end) })
      assert.same({ 10, "closed" }, { cap:loop(function() end) })
    end)

    it("lets through what the function raises", function()
      local cap = file()
      assert.has_error(function() cap:loop(function() error("mine", 0) end) end, "mine")
      assert.equal("packet 2", (cap:next()))
    end)

    it("ends with the error of a broken file, after the packets before it", function()
      local cut = shell.write(folder .. "/cut.pcap", shell.read(path):sub(1, -3))
      local count, ending = pcap.open_offline(cut):loop(function() end)
      assert.equal(9, count)
      assert.matches("truncated", ending)
    end)

    it("shares the filter with the other ways to read", function()
      local cap = assert(file():set_filter("ether[7] = 0x33 and ether[6] = 0x20"))
      local seen = {}
      cap:loop(function(data) seen[#seen + 1] = data end)
      assert.same({ "packet 3" }, seen)
    end)

    live("waits on beyond the capture's timeout", function()
      local cap = pcap.open_live { device = b, timeout = 0.01 }
      local sent_at = net.send_later(a, 0.3, net.frame "late")
      local count, ending, value = cap:loop(function(data) return data end)
      sent_at()
      assert.same({ 1, "break", net.frame "late" }, { count, ending, value })
    end)

    it("is given a function", function()
      local cap = file()
      misuse(function() cap:loop() end, "bad argument #2 to 'loop' (function expected, got nil)")
      misuse(function() cap:loop(3) end, "bad argument #2 to 'loop' (function expected, got nil)")
      misuse(function() cap:loop("3", print) end,
        "bad argument #1 to 'loop' (whole number or function expected)")
      misuse(function() cap:dispatch(0.5, print) end,
        "bad argument #1 to 'dispatch' (whole number or function expected)")
      cap:close()
      misuse(function() cap:loop(print) end,
        "calling 'loop' on bad self: pcap capture has been closed")
    end)

    it("is misused by a function that closes the capture and goes on", function()
      for _, name in ipairs { "loop", "dispatch" } do
        local cap = file()
        misuse(function() cap[name](cap, function() cap:close() end) end,
          "calling '" .. name .. "' on bad self: pcap capture has been closed")
        cap = file()
        assert.same({ 1, "break", true }, { cap[name](cap, function() return cap:close() end) })
      end
    end)
  end)

  describe("breakloop", function()
    it("ends a loop over packets", function()
      local cap, seen = file(), 0
      for pkt in cap:packets() do
        seen = seen + 1
        if pkt:bytes() == "packet 4" then cap:breakloop() end
      end
      assert.same({ 4, "break" }, { seen, cap:ending() })
      assert.equal("packet 5", (cap:next()))
    end)
  end)

  describe("cap:dispatch", function()
    it("reads a savefile to its end", function()
      assert.same({ 10, "closed" }, { file():dispatch(function() end) })
      assert.same({ 4, "limit" }, { file():dispatch(4, function() end) })
    end)

    live("ends when there are no more packets for now, waiting for the first one only", function()
      local cap = pcap.open_live { device = b, timeout = 5 }
      local sender = pcap.open_live(a)
      for i = 1, 3 do sender:inject(net.frame("packet " .. i)) end
      local before, seen = monotonic(), {}
      local count, ending = cap:dispatch(function(data) seen[#seen + 1] = data:sub(15) end)
      assert.same({ 3, "timeout" }, { count, ending })
      assert.same({ "packet 1", "packet 2", "packet 3" }, seen)
      assert.is_true(monotonic() - before < 4)
      assert.is_false(cap:nonblock())
    end)

    live("waits as long as the timeout when nothing comes", function()
      local cap = pcap.open_live { device = b, timeout = 0.2 }
      local before = monotonic()
      assert.same({ 0, "timeout" }, { cap:dispatch(function() end) })
      assert.is_true(monotonic() - before >= 0.2)
    end)
  end)
end)
