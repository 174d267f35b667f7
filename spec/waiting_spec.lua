local misuse = require "spec.support.misuse"
local net = require "spec.support.net"
local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local monotonic = require("pcap.core.shim").luapcap_monotonic

local SLACK = 8
local a, b, remove

local function live(sentence, test)
  it(sentence, function()
    if net.require_privilege(pending) then
      test()
    end
  end)
end

-- Debian's package, or a pending test.
local function installed(name)
  local found, module = pcall(require, name)
  if found then
    return module
  elseif os.getenv("PCAP_REQUIRE_LIVE") == "1" then
    error(name .. " is missing", 2)
  end
  pending("needs " .. name)
end

-- A capture of what is sent to an interface: the kernel wakes it for nothing else.
local function watcher(device)
  local cap = assert(pcap.open_live(device))
  return assert(cap:set_filter(("ether[17] = 0x%02x"):format(device == a and 97 or 98)))
end

describe("cap:wait", function()
  setup(function()
    if net.is_privileged() then a, b, remove = net.veth() end
  end)
  teardown(function()
    if remove then remove() end
  end)

  live("ends when a packet is there, which a read gives then", function()
    local cap = pcap.open_live(b)
    local sent_at = net.send_later(a, 0.2, net.frame "awaited")
    assert.is_true(cap:wait())
    local late = monotonic() - sent_at()
    assert.equal(net.frame "awaited", (cap:next()))
    assert.is_true(late < SLACK, late)
  end)

  live("ends when the time is over, whatever the capture's timeout", function()
    local cap = pcap.open_live(b, 0, false, 30)
    for _, timeout in ipairs { 0, 0.1, 0.25 } do
      local before = monotonic()
      assert.same({ nil, "timeout" }, { cap:wait(timeout) })
      local seconds = monotonic() - before
      assert.is_true(seconds >= timeout and seconds < timeout + SLACK, seconds)
    end
  end)

  live("does not take the packet", function()
    local cap = pcap.open_live(b)
    pcap.open_live(a):inject(net.frame "still there")
    assert.is_true(cap:wait(5))
    assert.is_true(cap:wait(5))
    assert.equal(net.frame "still there", (cap:next()))
  end)

  -- Another process runs `waiting`, and after a second `action` in a signal's handler. `source`
  -- opens its capture. Gives what it prints.
  local function under_signal(source, waiting, action)
    return (process.lua(([[
      local pcap = require "pcap"
      local ffi = require "ffi"
      local cap = assert(pcap.%s)
      -- What a module of signals does: the C handler sets a hook, and that runs the Lua one.
      package.path, package.cpath = package.path .. ";" .. %q, package.cpath .. ";" .. %q
      local signal = require "posix.signal"
      ffi.cdef "unsigned int alarm(unsigned int);"
      signal.signal(signal.SIGALRM, function() %s end)
      ffi.C.alarm(1)
      %s
    ]]):format(source, package.path, package.cpath, action, waiting), { prefix = "timeout 20" }))
  end

  live("is ended, as a read is, by breakloop() in a signal handler", function()
    local source = ("open_live(%q, 0, false, 60)"):format(b)
    for _, waiting in ipairs { "cap:wait()", "cap:next()", "cap:loop(print)" } do
      local output = under_signal(source, ("print(select(-1, %s)) print(select(-1, cap:wait(0)))")
        :format(waiting), "cap:breakloop()")
      if output:find("posix", 1, true) then return shell.skip "needs lua-posix" end
      assert.equal("break\ntimeout\n", output)
    end
  end)

  live("is ended, as a read is, by close() in a signal handler", function()
    local source = ("open_live(%q, 0, false, 60)"):format(b)
    for _, waiting in ipairs { "cap:wait()", "cap:next()", "cap:loop(print)" } do
      local output = under_signal(source, ("print(select(-1, %s))"):format(waiting), "cap:close()")
      if output:find("posix", 1, true) then return shell.skip "needs lua-posix" end
      assert.equal("closed\n", output)
    end
  end)

  it("for a pipe is ended by a signal handler only if that says so", function()
    local folder, remove_folder = shell.folder()
    finally(remove_folder)
    local record = savefile.record "later"
    local path = shell.write(folder .. "/f.pcap", savefile.header() .. record)
    -- Opens a pipe in which so many bytes of the file come two seconds before the others.
    local function slowly(count)
      return ("open_offline(io.popen [[head -c %d %s; sleep 2; tail -c +%d %s]])")
        :format(count, path, count + 1, path)
    end
    local reads = "print(select(-1, cap:next_packet())) print((cap:next())) "
      .. "print(select(2, cap:next()))"
    local output = under_signal(slowly(30), "print((cap:next())) print(select(2, cap:next()))", "")
    if output:find("posix", 1, true) then return shell.skip "needs lua-posix" end
    assert.equal("later\nclosed\n", output)
    assert.equal("break\nlater\nclosed\n", under_signal(slowly(24), reads, "cap:breakloop()"))
    assert.equal("closed\n", under_signal(slowly(24), "print(select(2, cap:next()))",
      "cap:close()"))
    for _, read in ipairs { "next", "next_packet" } do -- within a record, which is read to its end
      assert.equal("nil\tclosed\n", under_signal(slowly(30), ("print(cap:%s())"):format(read),
        "cap:close()"))
    end
    -- A packet that the filter rejects ends no wait, and keeps none from being ended.
    local rejected = ("open_offline(io.popen [[cat %s; sleep 2; tail -c +25 %s]])"
      .. ":set_filter 'len = 999'"):format(path, path)
    assert.equal("break\nclosed\n", under_signal(rejected,
      "print(select(2, cap:next())) print(select(2, cap:next()))", "cap:breakloop()"))
  end)

  it("finds a savefile ready and a dead capture never", function()
    local folder, remove_folder = shell.folder()
    finally(remove_folder)
    local cap = pcap.open_offline(shell.write(folder .. "/f.pcap", savefile.header()))
    assert.is_true(cap:wait())
    assert.is_nil((cap:pollable()))
    assert.is_nil((pcap.open_dead():wait()))
    assert.is_nil((pcap.open_dead():pollable()))
    misuse(function() cap:wait(-1) end,
      "bad argument #1 to 'wait' (seconds expected, got -1)")
  end)

  live("is not needed with cqueues, which waits on two captures and a socket", function()
    local cqueues, socket = installed "cqueues", installed "cqueues.socket"
    if not cqueues or not socket then return end
    local one, two = watcher(b), watcher(a)
    local reading, writing = assert(socket.pair())
    local seen, queue = {}, cqueues.new()
    local function watch(cap, name)
      queue:wrap(function()
        local pollable = assert(cap:pollable())
        local data
        repeat
          cqueues.poll(pollable)
          data = cap:next()
        until data
        seen[#seen + 1] = name .. " " .. data:sub(15)
      end)
    end
    watch(one, "one")
    watch(two, "two")
    queue:wrap(function()
      local line = reading:read "*l"
      seen[#seen + 1] = "socket " .. line
    end)
    queue:wrap(function()
      cqueues.sleep(0.1)
      pcap.open_live(b):inject(net.frame "to a")
      cqueues.sleep(0.2)
      writing:write "hello\n"
      writing:flush()
      cqueues.sleep(0.2)
      pcap.open_live(a):inject(net.frame "to b")
    end)
    assert(queue:loop(10))
    assert.same({ "two to a", "socket hello", "one to b" }, seen)
  end)

  live("says of a pollable that its capture has been closed", function()
    local cap = pcap.open_live(b)
    local pollable = cap:pollable()
    assert.same({ cap:getfd(), "r" }, { pollable:pollfd(), pollable:events() })
    misuse(function() pollable.pollfd() end,
      "calling 'pollfd' on bad self (pcap pollable expected, got nil)")
    cap:close()
    for _, name in ipairs { "pollfd", "timeout" } do
      misuse(function() pollable[name](pollable) end,
        "calling '" .. name .. "' on bad self: pcap capture has been closed")
    end
  end)

  live("is not needed with LuaSocket's select, which waits on two captures and a socket", function()
    local socket = installed "socket"
    if not socket then return end
    local one, two, udp = watcher(b), watcher(a), assert(socket.udp())
    assert(udp:setsockname("127.0.0.1", 0))
    local all, sender = { one, two, udp }, assert(socket.udp())
    assert.same({}, { unpack((socket.select(all, nil, 0))) })

    local function ready_after(send)
      send()
      local ready = socket.select(all, nil, 5)
      assert.equal(1, #ready)
      return ready[1]
    end
    assert.equal(two, ready_after(function() pcap.open_live(b):inject(net.frame "to a") end))
    assert.equal(net.frame "to a", (two:next()))
    assert.is_nil((two:next()))
    assert.equal(udp, ready_after(function() sender:sendto("hi", udp:getsockname()) end))
    assert.equal("hi", udp:receive())
    assert.equal(one, ready_after(function() pcap.open_live(a):inject(net.frame "to b") end))
    assert.equal(net.frame "to b", (one:next()))
  end)
end)
