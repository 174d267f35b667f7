-- Following a file that somebody else writes: what it gives, how it waits, and what it tells when
-- the file is renamed or cut off.

local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local shim = require "pcap.core.shim"

local folder, remove, path

local function write(bytes, mode)
  local file = assert(io.open(path, mode or "ab"))
  file:write(bytes)
  file:close()
end

local function follow(timeout, opts)
  opts = opts or {}
  opts.follow, opts.timeout = true, timeout
  return assert(pcap.open_offline(path, opts))
end

local function list_of(cap)
  local list = {}
  for pkt in cap:packets() do list[#list + 1] = pkt:bytes() end
  return list
end

local function seconds(call)
  local start = shim.luapcap_monotonic()
  call()
  return shim.luapcap_monotonic() - start
end

describe("A file that is followed", function()
  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/in.pcap"
  end)
  after_each(function() remove() end)

  it("gives each packet once, wherever the file ends for now", function()
    local w = pcapng_file.writer(false)
    local kinds = {
      savefile.header() .. savefile.record "one" .. savefile.record "two",
      savefile.header { big = true } .. savefile.record("one", { big = true })
        .. savefile.record("two", { big = true }),
      w:section() .. w:interface(1, 100) .. w:packet "one" .. w:block(0xbad, "x")
        .. w:interface(1, 200) .. w:packet("two", { interface = 1 }) .. w:block(0xbad, "y"),
    }
    for _, bytes in ipairs(kinds) do
      write(bytes:sub(1, 60), "wb")
      local cap, list = follow(), {}
      for at = 61, #bytes do
        for _, data in ipairs(list_of(cap)) do list[#list + 1] = data end
        assert.equal("timeout", cap:ending())
        write(bytes:sub(at, at))
      end
      for _, data in ipairs(list_of(cap)) do list[#list + 1] = data end
      assert.same({ "one", "two" }, list)
    end
  end)

  local function follows_packed(program)
    local first = shell.write(folder .. "/a", savefile.header() .. savefile.record "one")
    local second = shell.write(folder .. "/b", savefile.record "two")
    local packed = shell.run(program .. " -c < %s; " .. program .. " -c < %s", first, second)
    local whole = #shell.run(program .. " -c < %s", first) - 3
    write(packed:sub(1, whole), "wb")
    local cap, list = follow(), {}
    for at = whole + 1, #packed do
      for _, data in ipairs(list_of(cap)) do list[#list + 1] = data end
      assert.equal("timeout", cap:ending())
      write(packed:sub(at, at))
    end
    for _, data in ipairs(list_of(cap)) do list[#list + 1] = data end
    assert.same({ "one", "two" }, list)
  end

  it("gives each packet once where gzip has packed it", function()
    shell.needs_zlib()
    follows_packed "gzip"
  end)

  it("gives each packet once where zstd has packed it", function()
    shell.needs_zstd()
    follows_packed "zstd"
  end)

  it("is waited for as long as the timeout says", function()
    write(savefile.header(), "wb")
    local cap = follow(0.2)
    local took = seconds(function() assert.same({ nil, "timeout" }, { cap:next() }) end)
    assert.is_true(took >= 0.2, took)
    assert(cap:set_nonblock(true))
    assert.is_true(cap:nonblock())
    assert.same({ nil, "timeout" }, { cap:next() })
    assert(cap:set_nonblock(false))
    took = seconds(function() assert.same({ nil, "timeout" }, { cap:next() }) end)
    assert.is_true(took >= 0.2, took)
  end)

  it("ends the wait when a packet comes", function()
    write(savefile.header(), "wb")
    local cap = follow(20)
    local record = shell.write(folder .. "/record", savefile.record "late")
    shell.run("(sleep 0.2; cat %s >> %s) > /dev/null 2>&1 &", record, path)
    local took = seconds(function() assert.equal("late", (cap:next())) end)
    assert.is_true(took < 10, took)
    assert.same({ nil, "timeout" }, { cap:wait(0.01) })
    shell.run("(sleep 0.2; cat %s >> %s) > /dev/null 2>&1 &", record, path)
    took = seconds(function() assert.is_true(cap:wait()) end)
    assert.is_true(took < 10, took)
    assert.equal("late", (cap:next()))
  end)

  it("costs nothing while nothing comes", function()
    shell.needs_linux "inotify"
    write(savefile.header() .. savefile.record "one", "wb")
    local output = shell.run("strace -c -o %s luajit -e %s; cat %s", folder .. "/calls", ([[
      local cap = assert(require "pcap".open_offline(%q, { follow = true, timeout = 1 }))
      cap:next() cap:next() ]]):format(path), folder .. "/calls")
    local waits = 0
    for count in output:gmatch "(%d+)%s+p?poll%s" do waits = waits + count end
    assert.is_true(waits > 0 and waits <= 4, output)
  end)

  it("goes on with the file that takes its place, and tells", function()
    write(savefile.header() .. savefile.record "one", "wb")
    local cap = follow(0.3)
    assert.equal("one", (cap:next()))
    assert(os.rename(path, path .. ".1"))
    local old = assert(io.open(path .. ".1", "ab"))
    old:write(savefile.record "still the old one")
    old:close()
    assert.equal("still the old one", (cap:next()))
    -- The header of the new one comes late.
    write(savefile.header({ linktype = 101 }):sub(1, 10), "wb")
    assert.same({ nil, "timeout" }, { cap:next() })
    write(savefile.header({ linktype = 101 }):sub(11) .. savefile.record "new")
    assert.same({ nil, "rotated" }, { cap:next() })
    assert.equal(pcap.DLT.RAW, cap:datalink())
    local pkt = cap:next_packet()
    assert.same({ "new", pcap.DLT.RAW }, { pkt:bytes(), pkt.linktype })
    assert.same({}, list_of(cap))
    -- Another format takes its place by a rename.
    local w = pcapng_file.writer(false)
    shell.write(path .. ".new", w:section() .. w:interface(1, 100) .. w:packet "as pcapng")
    assert(os.rename(path .. ".new", path))
    assert.same({}, list_of(cap))
    assert.equal("rotated", cap:ending())
    assert.same({ "as pcapng" }, list_of(cap))
    assert.equal(pcap.DLT.EN10MB, cap:datalink())
  end)

  it("is read before a third one takes its place soon after the second", function()
    shell.needs_linux "inotify"
    local heard
    for _ = 1, 5 do -- a busy machine may be too late
      write(savefile.header() .. savefile.record "first", "wb")
      local cap, list = follow(1), {}
      assert.equal("first", (cap:next()))
      local pipe = process.start(([[
        local path, second, third = %q, %q, %q
        for i, bytes in ipairs { second, third } do
          os.execute("sleep 0.03")
          os.rename(path, path .. "." .. i)
          local file = io.open(path .. ".new", "wb")
          file:write(bytes)
          file:close()
          os.rename(path .. ".new", path)
        end
      ]]):format(path, savefile.header() .. savefile.record "second",
        savefile.header() .. savefile.record "third"))
      repeat
        for _, data in ipairs(list_of(cap)) do list[#list + 1] = data end
      until cap:ending() ~= "rotated"
      pipe:close()
      heard = table.concat(list, " ")
      if heard == "second third" then
        return
      end
    end
    error("heard: " .. heard)
  end)

  it("is read in larger pieces while much comes", function()
    shell.needs_linux "inotify"
    write(savefile.header(), "wb")
    local PIECES, IN_PIECE = 100, 20000
    local pipe = process.start(([[
      local path, record = %q, %q
      local many = record:rep(%d)
      local file = io.open(path, "ab")
      for _ = 1, %d do
        file:write(many)
        file:flush()
        os.execute("sleep 0.02")
      end
    ]]):format(path, savefile.record(("x"):rep(100)), IN_PIECE, PIECES))
    local calls, reader = folder .. "/calls", ([[
      local cap = assert(require "pcap".open_offline(%q, { follow = true, timeout = 5 }))
      local count = 0
      for _ in cap:packets(%d) do count = count + 1 end
      print(count) ]]):format(path, PIECES * IN_PIECE)
    shell.needs "strace"
    local output
    local elapsed = seconds(function()
      output = shell.run("strace -e trace=ppoll -o %s luajit -e %s; grep -c ppoll %s", calls,
        reader, calls)
    end)
    pipe:close()
    local packets, waits = output:match "^(%d+)\n(%d+)\n$"
    assert.equal(PIECES * IN_PIECE, tonumber(packets), output)
    assert.is_true(tonumber(waits) < elapsed / 0.2, ("%s waits in %.1f s"):format(waits, elapsed))
  end)

  it("is awaited in peace when it has been cut off within a long pause", function()
    shell.needs_linux "inotify"
    shell.needs "strace"
    write(savefile.header() .. savefile.record(("x"):rep(1000)):rep(2000), "wb")
    local calls = folder .. "/calls"
    local code = ([[
      local cap = assert(require "pcap".open_offline(%q, { follow = true, timeout = 0.02 }))
      for _ in cap:packets() do end
      io.open(%q, "wb"):close()
      local reason
      repeat reason = select(2, cap:next()) until reason ~= "timeout" or os.time() > %d
      print(reason) ]]):format(path, path, os.time() + 3)
    local output = shell.run("strace -c -o %s luajit -e %s; tail -1 %s", calls, code, calls)
    local total = tonumber(output:match "(%d+) +%d* *total")
    assert.is_true(total and total < 4000, output) -- 150 reads of 0.02 s, and the start
  end)

  it("is heard again after Ctrl-C has ended a pause", function()
    shell.needs_linux "inotify"
    write(savefile.header() .. savefile.record "one", "wb")
    local more = shell.write(folder .. "/more", savefile.record "two")
    local output = process.lua(([[
      local ffi = require "ffi"
      ffi.cdef "int usleep(unsigned int);"
      local monotonic = require("pcap.core.shim").luapcap_monotonic
      local cap = assert(require("pcap").open_offline(%q, { follow = true, timeout = 8 }))
      cap:next()
      local pid = io.open("/proc/self/stat"):read "*n"
      os.execute(("( sleep 0.05; kill -INT %%d ) &"):format(pid))
      local _, problem = pcall(cap.next, cap)
      ffi.C.usleep(300000)
      os.execute "( sleep 0.3; cat %s >> %s ) &"
      local start = monotonic()
      print(problem, (cap:next()), monotonic() - start < 7)
    ]]):format(path, more, path))
    assert.is_truthy(output:find "interrupted!\ttwo\ttrue\n$", output)
  end)

  it("begins anew when it is cut off, and tells", function()
    for _, name in ipairs { "truncate -s 0 %s", "rm %s; cp /dev/null %s" } do
      write(savefile.header() .. savefile.record "one" .. savefile.record "two", "wb")
      local cap = follow(0.3)
      assert.same({ "one", "two" }, list_of(cap))
      shell.run(name:gsub("%%s", path))
      assert.same({ nil, "timeout" }, { cap:next() })
      write(savefile.header() .. savefile.record "3")
      local pkt, reason = cap:next()
      assert.is_nil(pkt)
      assert.is_truthy(reason == "truncated" or reason == "rotated", reason)
      assert.same({ "3" }, list_of(cap))
    end
  end)

  it("keeps its filter over a rotation, for the new link type", function()
    local ip, other = "\69" .. ("\0"):rep(19), "\96" .. ("\0"):rep(39)
    local ethernet = ("\0"):rep(12)
    write(savefile.header(), "wb")
    local cap = assert(follow(0.3):set_filter "ip")
    write(savefile.record(ethernet .. "\134\221" .. other)
      .. savefile.record(ethernet .. "\8\0" .. ip))
    assert.same({ ethernet .. "\8\0" .. ip }, list_of(cap))
    assert(os.rename(path, path .. ".1"))
    write(savefile.header { linktype = 101 } .. savefile.record(other) .. savefile.record(ip), "wb")
    assert.same({}, list_of(cap))
    assert.equal("rotated", cap:ending())
    assert.same({ ip }, list_of(cap))
  end)

  it("is read on when it has been deleted, and tells what is wrong with what comes", function()
    write(savefile.header() .. savefile.record "one", "wb")
    local cap = follow(0.3)
    local file = assert(io.open(path, "ab"))
    os.remove(path)
    file:write(savefile.record "two")
    file:close()
    assert.same({ "one", "two" }, list_of(cap))
    write("no savefile, whatever it is called", "wb")
    assert.same({ nil, path .. ": unknown file format" }, { cap:next() })
    os.remove(path)
    write(savefile.header() .. savefile.record "three", "wb")
    assert.same({ nil, "rotated" }, { cap:next() })
    assert.equal("three", (cap:next()))
  end)

  it("may be a link, which may lead elsewhere later", function()
    local link = path
    path = folder .. "/first"
    write(savefile.header() .. savefile.record "one", "wb")
    shell.run("ln -s first %s", link)
    path = link
    local cap = follow(1)
    assert.equal("one", (cap:next()))
    shell.write(folder .. "/second", savefile.header() .. savefile.record "two")
    shell.run("ln -sfn second %s", link)
    assert.same({ nil, "rotated" }, { cap:next() })
    assert.equal("two", (cap:next()))
  end)

  it("ends a wait at breakloop in a signal's handler", function()
    if not pcall(require, "posix.signal") then return shell.skip "needs lua-posix" end
    write(savefile.header() .. savefile.record "one", "wb")
    local output = shell.run("luajit -e %s", ([[
      local signal, unistd = require "posix.signal", require "posix.unistd"
      local cap = assert(require "pcap".open_offline(%q, { follow = true, timeout = math.huge }))
      signal.signal(signal.SIGALRM, function() cap:breakloop() end)
      unistd.alarm(1)
      for _ in cap:packets() do end
      print(cap:ending()) ]]):format(path))
    assert.equal("break\n", output)
  end)

  it("is polled as a live capture is", function()
    shell.needs_linux "inotify"
    write(savefile.header(), "wb")
    local cap = follow()
    local pollable = assert(cap:pollable())
    local fd = pollable:pollfd()
    assert.equal(fd, cap:getfd())
    assert.is_nil(cap:required_timeout())
    local held = require("ffi").new "luapcap_signals"
    assert.equal(0, shim.luapcap_wait_fd(fd, 0, held))
    write(savefile.record "one")
    assert.equal(1, shim.luapcap_wait_fd(fd, 5, held))
    assert.equal("one", (cap:next()))
    assert.same({ nil, "timeout" }, { cap:next() })
    assert.equal(0, shim.luapcap_wait_fd(fd, 0, held))
    assert(os.rename(path, path .. ".1"))
    assert.equal(1, shim.luapcap_wait_fd(fd, 5, held))
    cap:next()
    write(savefile.header(), "wb")
    assert.equal(1, shim.luapcap_wait_fd(fd, 5, held))
  end)

  it("waits for a header that is not there yet", function()
    write("", "wb")
    assert.same({ nil, path .. ": the file's header has not come yet" },
      { pcap.open_offline(path, { follow = true }) })
    local whole = shell.write(folder .. "/whole", savefile.header() .. savefile.record "one")
    shell.run("(sleep 0.2; cat %s >> %s) > /dev/null 2>&1 &", whole, path)
    assert.equal("one", (follow(10):next()))
    assert.matches("none: No such file or directory$",
      (select(2, pcap.open_offline(folder .. "/none", { follow = true }))))
  end)

  it("leaves no descriptor open", function()
    write(savefile.header() .. savefile.record "one", "wb")
    collectgarbage() collectgarbage()
    local before = process.descriptors()
    for _ = 1, 3 do
      local cap = follow(0.2)
      cap:next()
      assert(os.rename(path, path .. ".1"))
      write(savefile.header() .. savefile.record "one", "wb")
      assert.same({ nil, "rotated" }, { cap:next() })
      cap:close()
    end
    follow()
    collectgarbage() collectgarbage()
    assert.same(before, process.descriptors())
  end)

  it("is a file, and a timeout is for what is followed", function()
    local pipe = io.popen "cat /dev/null"
    assert.matches("only a file can be followed$",
      (select(2, pcap.open_offline(pipe, { follow = true }))))
    pipe:close()
    write(savefile.header() .. savefile.record "one", "wb")
    misuse(function() return (pcap.open_offline(path, { timeout = 1 })) end,
      "bad argument #2 to 'open_offline' (option 'timeout' needs follow = true)")
    local file = assert(io.open(path, "rb"))
    local cap = assert(pcap.open_offline(file, { follow = true }))
    assert.same({ "one" }, list_of(cap))
    write(savefile.record "two")
    assert.same({ "two" }, list_of(cap))
    file:close()
  end)
end)
