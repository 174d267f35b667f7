local net = require "spec.support.net"
local pcap = require "pcap"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

local a, b, remove

-- Another process, with a capture `cap` of the device `a`: `code` calls ready() when the signal may
-- come, and under(name, fn) sets a handler as a program does. Plain Ctrl-C is LuaJIT's own handler.
local PRELUDE = [[
  package.path, package.cpath = package.path .. ";" .. %q, package.cpath .. ";" .. %q
  local ffi = require "ffi"
  ffi.cdef "int getpid(void); int usleep(unsigned);"
  ffi.cdef "typedef struct { long interval[2], value[2]; } luapcapspec_timer;"
  ffi.cdef "int setitimer(int, const luapcapspec_timer *, void *);"
  local pcap = require "pcap"
  local signals = require "posix.signal"
  local function under(name, fn) signals.signal(signals[name], fn) end
  local function ready() print(ffi.C.getpid()) io.stdout:flush() end
  local timer = ffi.new "luapcapspec_timer"
  local function alarm_in(usec) timer.value[1] = usec ffi.C.setitimer(0, timer, nil) end
  local cap = assert(pcap.open_live(%q, 0, false, 30))
]]

local function start(code, opts)
  opts = opts or {}
  opts.prefix, opts.redirect = "timeout 30", "2>&1"
  return process.start(PRELUDE:format(package.path, package.cpath, a) .. code, opts)
end

-- What the process prints after it was sent the signal; it must end by that.
local function output_after(name, code)
  local pipe = start(code)
  local pid = pipe:read "*n"
  if pid then shell.run(("kill -%s %d"):format(name, pid)) end
  local output = pipe:read "*a"
  pipe:close()
  return (output:gsub("^\n", ""))
end

local function live(sentence, test)
  it(sentence, function()
    if not net.require_privilege(pending) then
      return
    elseif not pcall(require, "posix.signal") then
      return pending "needs lua-posix"
    end
    test()
  end)
end

-- Packets from b to a as fast as they can be sent, while `test` runs.
local function under_load(test)
  local pipe = process.start(([[
    local ffi = require "ffi"
    ffi.cdef "int getpid(void);"
    local cap, list = assert(require("pcap").open_live(%q, 64)), {}
    for i = 1, 256 do list[i] = %q end
    print(ffi.C.getpid())
    io.stdout:flush()
    local deadline = os.time() + 25
    repeat cap:inject_all(list) until os.time() > deadline
  ]]):format(b, net.frame(("x"):rep(46))))
  local pid = assert(pipe:read "*n")
  local passed, problem = pcall(test)
  shell.run(("kill %d"):format(pid))
  pipe:close()
  if not passed then error(problem, 0) end
end

describe("A signal's handler in Lua", function()
  setup(function()
    if net.is_privileged() then a, b, remove = net.veth() end
  end)
  teardown(function()
    if remove then remove() end
  end)

  -- What a program does with each packet, long enough for its loop to be compiled before ready().
  local LOOPS = {
    packets = "for pkt in cap:packets() do on(pkt.caplen) if stop then break end end "
      .. "ending = cap:ending()",
    next_packet = "repeat local pkt, why = cap:next_packet() if pkt then on(pkt.caplen) end "
      .. "ending = why until not pkt or stop",
    next = "repeat local data, why = cap:next() if data then on(#data) end "
      .. "ending = why until not data or stop",
    loop = "ending = select(2, cap:loop(function(data) on(#data) return stop end))",
    dispatch = "repeat local _, why = cap:dispatch(function(data) on(#data) return stop end) "
      .. "ending = why until stop or why ~= 'timeout'",
  }

  local function busy(loop, handler)
    return ([[
      local stop, ending, n = nil, nil, 0
      local function on(length) n = n + 1 if n == 20000 then ready() end return length end
      %s
      %s
      print(stop and "stopped" or ending)
    ]]):format(handler, loop)
  end

  live("runs while a loop is busy with packets, and may break it off", function()
    under_load(function()
      for name, loop in pairs(LOOPS) do
        assert.equal(name .. " break\n", name .. " " .. output_after("INT",
          busy(loop, "under('SIGINT', function() cap:breakloop() end)")))
      end
    end)
  end)

  live("runs while a loop is busy with packets, and may set a flag of its own", function()
    under_load(function()
      for name, loop in pairs(LOOPS) do
        assert.equal(name .. " stopped\n", name .. " " .. output_after("INT",
          busy(loop, "under('SIGINT', function() stop = true end)")))
      end
    end)
  end)

  live("is not needed for Ctrl-C to end a busy loop", function()
    under_load(function()
      for _, loop in pairs(LOOPS) do
        assert.matches("interrupted!", output_after("INT", busy(loop, "")), 1, true)
      end
    end)
  end)

  -- A signal that comes during a wait ends it. This one comes between two waits.
  live("runs soon in a loop that waits for each packet, after one that did not", function()
    local folder, remove_folder = shell.folder()
    local fast = traffic.write(folder .. "/fast.pcap", 20000)
    local slow = traffic.write(folder .. "/slow.pcap", 300)
    local pipe = start [[
      local n = 0
      under("SIGALRM", function() cap:breakloop() end)
      ready()
      for _ in cap:packets() do
        n = n + 1
        if n == 20100 then alarm_in(14000) end
        if n > 20000 then ffi.C.usleep(8000) end -- the alarm comes in the next one
      end
      print(n - 20100)
    ]]
    assert(pipe:read "*n")
    traffic.replay(fast, b, 100000)
    local finish = traffic.start(slow, b, 100)
    local count = pipe:read "*n"
    pipe:close()
    finish()
    remove_folder()
    assert.is_true(count < 50, count .. " packets came before the handler ran")
  end)

  live("runs soon in a loop that takes long for each packet", function()
    under_load(function()
      assert.equal("break\n", output_after("INT", [[
        under("SIGINT", function() cap:breakloop() end)
        local n = 0
        for _ in cap:packets() do
          n = n + 1
          if n < 500 then ffi.C.usleep(100) elseif n == 500 then ready() else ffi.C.usleep(5000) end
        end
        print(n < 2000 and cap:ending() or n)
      ]]))
    end)
  end)

  live("runs in a loop that finds no packet and does not wait", function()
    assert.equal("break\n", output_after("INT", [[
      under("SIGINT", function() cap:breakloop() end)
      cap:set_nonblock(true)
      local n, reason = 0, nil
      repeat
        reason = select(2, cap:next_packet())
        n = n + 1
        if n == 1000 then ready() end
      until reason ~= "timeout"
      print(reason)
    ]]))
  end)

  -- luaposix leaves a value on the stack. Where its hook meets a function of C in interpreted code,
  -- LuaJIT takes that for one more argument, and FFI complains. Its handler has run all the same.
  local AT_RANDOM = [[
    under("SIGALRM", function() cap:breakloop() end)
    local function packets() for _ in cap:packets() do end return nil, cap:ending() end
    local usec = 0
    local function read()
      usec = (usec + 37) %% 60 + 1
      alarm_in(usec)
      return %s
    end
    local endings = {}
    for _ = 1, 200 do
      local called, problem, reason = pcall(read)
      if not called and problem:find("wrong number of arguments", 1, true) then
        reason = "break"
      end
      endings[tostring(reason or problem)] = true
    end
    for ending in pairs(endings) do print(ending) end
  ]]

  live("is never lost just before a wait, at 200 random moments", function()
    for _, read in ipairs { "cap:next_packet()", "cap:next()", "packets()", "cap:loop(print)",
      "cap:dispatch(print)", "cap:wait(30)" } do
      local pipe = start(AT_RANDOM:format(read))
      local output = pipe:read "*a"
      pipe:close()
      assert.equal(read .. " break\n", read .. " " .. output)
    end
  end)

  -- LuaJIT loses a hook that is set while it begins or ends a trace, which a test cannot time.
  it("is set again as it was, if LuaJIT may have lost it", function()
    local ffi = require "ffi"
    local lost_hook = require "pcap.core.lost_hook"
    local state = ffi.cast("void *", tonumber(tostring(coroutine.create(print)):match "0x%x+"))
    local COUNT = 8
    ffi.C.luapcap_lua_sethook(state, ffi.cast("void *", ffi.C.luapcap_lua_gethookcount), COUNT, 1e9)
    lost_hook.set_again()
    local found = { debug.gethook() }
    ffi.C.luapcap_lua_sethook(state, nil, 0, 0)
    assert.same({ "external hook", "", 1e9 }, found)
  end)

  live("finds signals let through, after a wait and after the error of a Ctrl-C", function()
    assert.equal("interrupted! 0 break 0\n", output_after("INT", [[
      local function blocked()
        for line in io.lines "/proc/self/status" do
          local mask = line:match "^SigBlk:%s*(%x+)"
          if mask then return tonumber(mask, 16) end
        end
      end
      local _, problem = pcall(function()
        ready() -- the signal may come before the wait
        cap:next()
      end)
      local first = blocked()
      under("SIGALRM", function() cap:breakloop() end)
      alarm_in(1000)
      print(tostring(problem):match "interrupted!", first, select(2, cap:next()), blocked())
    ]]):gsub("\t", " "))
  end)

  live("may read from a capture itself, while another one is waited for", function()
    assert.equal("timeout break\n", output_after("USR1", [[
      local other, seen = assert(pcap.open_live("lo", 0, false, 0.05)), nil
      other:set_filter "ether proto 0x1234"
      under("SIGUSR1", function() seen = select(2, other:next()) cap:breakloop() end)
      ready()
      local _, reason = cap:next()
      print(seen .. " " .. reason)
    ]]))
  end)

  live("loses no packet when it breaks off a read", function()
    local pipe = start [[
      cap:set_filter "ether proto 0x88b5"
      local n, breaks = 0, 0
      under("SIGALRM", function() cap:breakloop() end)
      ready()
      alarm_in(500)
      repeat
        local called, pkt, reason = pcall(cap.next_packet, cap)
        if called and pkt then
          n = n + 1
          assert(tonumber(ffi.string(pkt.data + 14, 8)) == n)
        elseif called then
          assert(reason == "break", reason)
          breaks = breaks + 1
          if breaks < 20 then alarm_in(math.random(2000)) end
        end
      until n == 2000
      print(breaks > 0 and "all" or "no break")
    ]]
    assert(pipe:read "*n")
    local sender = pcap.open_live(b)
    for i = 1, 2000 do
      assert(sender:inject(net.frame(("%08d"):format(i))))
      if i % 100 == 0 then sender:wait(0.003) end
    end
    assert.equal("\nall\n", pipe:read "*a")
    pipe:close()
  end)
end)
