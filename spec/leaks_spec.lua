local net = require "spec.support.net"
local pcapng_file = require "spec.support.pcapng_file"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove

-- Runs `body` some times in a fresh process, where it makes what nobody closes, in six rounds.
-- Gives by how many descriptors and bytes of resident memory the last two leave it larger than the
-- two before, once garbage is collected: the least difference of memory, for the allocator gives
-- it back when it likes. In the first two rounds the allocator makes room for threads.
-- `open_files` is the limit of descriptors.
local function growth(times, body, open_files)
  collectgarbage() -- which may hold descriptors that the process would inherit
  local output, status = process.lua(([[
    local process = require "spec.support.process"
    local pcap = require "pcap"
    local folder = %q
    local function body(i) %s end
    local function round()
      for i = 1, %d do body(i) end
      collectgarbage()
      collectgarbage()
      return process.descriptors(), process.resident()
    end
    local descriptors, resident = {}, {}
    for i = 1, 6 do descriptors[i], resident[i] = round() end
    print(math.max(unpack(descriptors, 2)) - descriptors[1],
      math.min(resident[5], resident[6]) - math.max(resident[3], resident[4]))
  ]]):format(folder, body, times), { prefix = ("ulimit -n %d;"):format(open_files or 1024) })
  assert.equal(0, status, output)
  return tonumber(output:match("^%S+")), tonumber(output:match("%S+\n$"))
end

-- Less than a lost pcap_t, the smallest thing there is to lose, makes in 10,000 times.
local NOISE = 3e6

local function leaks_nothing(times, body, open_files)
  local descriptors, bytes = growth(times, body, open_files)
  assert.equal(0, descriptors)
  assert.is_true(bytes < NOISE, bytes)
end

describe("Without a close, nothing is lost:", function()
  before_each(function()
    folder, remove = shell.folder()
    shell.write(folder .. "/in", savefile.header() .. savefile.record("abc")
      .. savefile.record("defg"))
  end)
  after_each(function() remove() end)

  it("10,000 savefiles", function()
    leaks_nothing(10000, "assert(pcap.open_offline(folder .. '/in'))")
  end)

  it("10,000 savefiles that were read", function()
    leaks_nothing(10000, [[
      local cap = assert(pcap.open_offline(folder .. '/in'))
      assert(cap:next() == "abc")
      if i % 2 == 0 then cap:close() end
    ]])
  end)

  it("10,000 savefiles that could not be opened", function()
    shell.write(folder .. "/text", ("no savefile"):rep(10))
    leaks_nothing(10000, "assert(not pcap.open_offline(folder .. '/text'))")
  end)

  it("6,000 pcapng files that were read, or end before their first interface", function()
    local w = pcapng_file.writer(false)
    shell.write(folder .. "/ng", w:section() .. w:interface(1, 100)
      .. w:packet("abc", { options = { { 1, "comment" } } }))
    shell.write(folder .. "/cut", w:section())
    leaks_nothing(6000, [[
      local cap = assert(pcap.open_offline(folder .. '/ng'))
      assert(cap:next_packet():copy():comment() == "comment")
      if i % 2 == 0 then cap:close() end
      assert(not pcap.open_offline(folder .. '/cut'))
    ]])
  end)

  it("interfaces that were asked, or could not be opened as asked", function()
    leaks_nothing(50, [[
      pcap.can_set_rfmon(i % 2 == 0 and "lo" or "nosuchdevice")
      pcap.open_live { device = "lo", tstamp_type = "adapter_unsynced" }
    ]])
  end)

  it("10,000 dead captures", function()
    leaks_nothing(10000, "assert(pcap.open_dead())")
  end)

  -- Each has a buffer, so fewer show.
  it("2,000 dumpers", function()
    leaks_nothing(2000, [[
      local dumper = assert(pcap.open_dead():dump_open(folder .. "/out"))
      assert(dumper:dump("abc"))
      if i % 3 == 0 then dumper:close() end
    ]])
  end)

  it("600 readers of what is compressed", function()
    shell.needs_zlib()
    shell.needs_zstd()
    shell.run("gzip -k %s && zstd -q %s", folder .. "/in", folder .. "/in")
    leaks_nothing(600, [[
      local file = assert(io.open(folder .. (i % 2 == 0 and "/in.gz" or "/in.zst"), "rb"))
      local reader = assert(pcap.reader())
      assert(reader:feed(file:read "*a"))
      file:close()
      if i % 3 > 0 then assert(reader:next()) end
      if i % 5 == 0 then reader:close() end
      if i % 50 == 0 then collectgarbage() end -- each has large memory, which would pile up
    ]])
  end)

  it("800 dumpers into memory, onto functions and with threads, and flight recorders", function()
    leaks_nothing(800, [[
      for _, opts in ipairs { { memory = true }, { write = function() end },
        { file = "/dev/null", thread = true, compress = ({ "gzip", "zstd" })[i % 3] } } do
        local dumper = assert(pcap.dumper(opts))
        assert(dumper:dump("abc"))
        if i % 3 == 0 then dumper:close() end
      end
      local recorder = assert(pcap.recorder { bytes = 10000 })
      assert(recorder:dump("abc"))
      local thread = coroutine.wrap(function()
        recorder:save(assert(pcap.dumper { write = coroutine.yield, snaplen = 262144 }))
      end)
      thread()
      if i % 3 == 0 then recorder:close() end
      if i % 50 == 0 then collectgarbage() end -- what packs has large memory, which would pile up
    ]])
  end)

  it("300 dumpers that rotate", function()
    leaks_nothing(300, [[
      local dumper = assert(pcap.open_dead():dump_open(folder .. "/%i",
        { format = i % 2 == 0 and "pcapng" or nil, rotate = { packets = 1, overwrite = true } }))
      assert(dumper:dump("abc") and dumper:dump("def"))
      if i % 3 == 0 then dumper:close() end
    ]])
  end)

  it("10,000 dumpers that could not be opened", function()
    leaks_nothing(10000, [[
      assert(not pcap.open_dead():dump_open(folder .. "/missing/out"))
      assert(not pcap.open_dead(2 ^ 31 - 1):dump_open(folder .. "/out"))
    ]])
  end)

  it("6,000 filters of 2 KB, good and bad", function()
    leaks_nothing(2000, [[
      cap = cap or pcap.open_dead()
      long = long or ("len = 1 or "):rep(120)
      assert(cap:set_filter(long .. "len = 2", true))
      if i % 10 == 0 then assert(not cap:set_filter(long .. "ln = 2")) end
    ]])
  end)

  it("10,000 copies of packets and loops left early", function()
    leaks_nothing(10000, [[
      cap = cap or pcap.open_offline(folder .. "/in")
      for pkt in (i % 100 == 0 and pcap.open_offline(folder .. "/in") or cap):packets() do
        pkt:copy()
        break
      end
    ]])
  end)

  -- Closing one waits for the kernel, some 30 ms.
  it("210 live captures, and as many that could not be opened", function()
    if net.require_privilege(pending) then
      leaks_nothing(70, [[
        assert(pcap.open_live("lo", 100)):next()
        assert(not pcap.open_live("nodevice7"))
      ]], 64)
    end
  end)
end)

describe("A capture of a Lua file", function()
  before_each(function()
    folder, remove = shell.folder()
    shell.write(folder .. "/in", savefile.header() .. savefile.record(("x"):rep(60000)):rep(50))
  end)
  after_each(function() remove() end)

  -- Runs a script with a capture of a program's pipe; a wait for that program would not end.
  local function run(script)
    return process.lua(([[
      local pcap = require "pcap"
      local folder = %q
      local function open()
        return assert(pcap.open_offline(io.popen("cat " .. folder .. "/in")))
      end
      local function collect() for _ = 1, 4 do collectgarbage() end end
    ]]):format(folder) .. script, { prefix = "timeout 30" })
  end

  it("keeps it, and the program is not ended or waited for", function()
    assert.same({ "50\tclosed\n", 0 }, { run [[
      local cap, count = open(), 0
      for pkt in cap:packets() do
        collect()
        if pkt.caplen == 60000 then count = count + 1 end
      end
      print(count, cap:ending())
    ]] })
  end)

  it("lets go of it at close", function()
    assert.same({ "true\n", 0 }, { run [[
      local known = setmetatable({}, { __mode = "v" })
      local file = assert(io.open(folder .. "/in"))
      known[1] = file
      local cap = assert(pcap.open_offline(file))
      file = nil
      collect()
      assert(known[1])
      cap:close()
      collect()
      print(known[1] == nil)
    ]] })
  end)

  it("that nobody closes ends the program, by the collector and when Lua ends", function()
    for _, rest in ipairs { "cap = nil collect()", "" } do
      assert.same({ "60000\n", 0 }, { run([[
        local cap = open()
        print(cap:next_packet().caplen)
      ]] .. rest) })
    end
  end)

  it("outlives its packet no further than it is used", function()
    assert.same({ "x\n", 0 }, { run [[
      local pkt = open():next_packet()
      collect()
      print(pkt:bytes(60000))
      pkt = nil
      collect()
    ]] })
  end)

  it("may be closed by a finalizer when Lua ends", function()
    assert.same({ "60000\n", 0 }, { run [[
      local cap = open()
      local proxy = newproxy(true)
      getmetatable(proxy).__gc = function() cap:close() end
      print(cap:next_packet().caplen)
    ]] })
  end)
end)

describe("Reading a file of the largest packets", function()
  it("takes less than 12 MB, also where each becomes a string", function()
    local path, delete = shell.folder()
    finally(delete)
    path = path .. "/large.pcap"
    local file = assert(io.open(path, "wb"))
    file:write(savefile.header { snaplen = 262144 })
    for i = 1, 200 do
      file:write(savefile.record(("%08d"):format(i):rep(32768)))
    end
    file:close()
    for _, read in ipairs { "for data in cap.next, cap do count = count + 1 end",
      "for pkt in cap:packets() do count = count + 1 end" } do
      local output = process.lua(([[
        local cap, count = assert(require("pcap").open_offline(%q)), 0
        %s
        print(count, io.open("/proc/self/status"):read("*a"):match("VmHWM:%%s*(%%d+) kB"))
      ]]):format(path, read))
      local count, peak = output:match "^(%d+)\t(%d+)\n$"
      assert.equal("200", count, output)
      assert.is_true(tonumber(peak) < 12 * 1024, peak .. " kB")
    end
  end)
end)

describe("With few descriptors left", function()
  before_each(function()
    folder, remove = shell.folder()
    shell.write(folder .. "/in", savefile.header() .. savefile.record("abc"))
  end)
  after_each(function() remove() end)

  it("savefiles and dumpers open, because garbage is collected", function()
    leaks_nothing(500, [[
      local cap = assert(pcap.open_offline(folder .. "/in"))
      assert(cap:next() == "abc")
      local dumper = assert(pcap.open_dead():dump_open(folder .. "/out" .. i % 10))
      assert(dumper:dump("abc"))
    ]], 64)
    leaks_nothing(500, "assert(pcap.open_dead():dump_open(folder .. '/out'))", 64)
  end)

  it("a failure says so when all are in use", function()
    collectgarbage()
    local output = process.lua(([[
      local pcap = require "pcap"
      local all = {}
      for i = 1, 100 do
        local cap, message = pcap.open_offline(%q)
        if not cap then
          io.write(i > 40 and message or "too early")
          print()
          print(select(2, pcap.open_dead():dump_open(%q)))
          break
        end
        all[i] = cap
      end
    ]]):format(folder .. "/in", folder .. "/out"), { prefix = "ulimit -n 64;" })
    assert.equal(("%s/in: Too many open files\n%s/out: Too many open files\n")
      :format(folder, folder), output)
  end)
end)
