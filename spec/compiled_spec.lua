-- That a caller's loop compiles around ours is what the speed rests on. Each loop runs in a fresh
-- LuaJIT that lists its traces; the loop stands on line 6 of its script.

local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local SCRIPT = [[
local pcap = require "pcap"
local cap = assert(pcap.open_offline(arg[1]))
local dumper = assert(cap:dump_open("/dev/null"))
%s
local count = 0
for %s do
  count = count + 1
  %s
end
print(count)
]]

local folder, remove, path

-- What the script prints, and the traces that LuaJIT made.
local function run(before, loop, body)
  local script = shell.write(folder .. "/script.lua", SCRIPT:format(before, loop, body))
  local traces = folder .. "/traces"
  local count = shell.run("luajit -jv=%s %s %s", traces, script, path)
  return tonumber(count), shell.read(traces)
end

describe("A caller's loop is compiled whole", function()
  setup(function()
    folder, remove = shell.folder()
    local records = {}
    for i = 1, 20000 do
      records[i] = savefile.record(("%064d"):format(i), { sec = i })
    end
    path = shell.write(folder .. "/in.pcap", savefile.header() .. table.concat(records))
    for i = 1, 20000 do
      records[i] = savefile.record(("%064d"):format(i), { sec = i, big = true })
    end
    shell.write(path .. ".big", savefile.header { big = true } .. table.concat(records))
    local w = pcapng_file.writer(false)
    for i = 1, 20000 do
      records[i] = w:packet(("%064d"):format(i), { high = 395000, low = i })
    end
    local head = w:section() .. w:interface(1, 262144)
    shell.write(path .. "ng", head .. table.concat(records))
    local options = { { 1, "told" }, { 2, w:word(1, 4) }, { 4, w:word(7, 8) } }
    for i = 1, 20000 do
      records[i] = w:packet(("%064d"):format(i), { low = i, options = options })
    end
    shell.write(path .. "ng.options", head .. table.concat(records))
    for i = 1, 20000 do
      records[i] = w:packet(("%064d"):format(i), { high = 395000, low = i })
    end
    for i = 100, 20000, 100 do
      records[i] = records[i] .. w:block(0xbad, "unknown") .. w:interface(1, 262144)
    end
    shell.write(path .. "ng.mixed", head .. table.concat(records))
    shell.run("gzip -kf %s", path)
    shell.write(path .. ".none", savefile.header())
  end)
  teardown(function() remove() end)

  local PACKETS = "pkt in cap:packets()"
  for what, script in pairs {
    ["over packets"] = { "", PACKETS, "count = count + pkt.data[0] - 48" },
    ["over at most so many packets"] = { "", "pkt in cap:packets(20000)", "" },
    ["over next"] = { "", "data, timestamp, wirelen in cap.next, cap", "" },
    ["that copies"] = { "", PACKETS, "assert(dumper:dump(pkt))" },
    ["that asks for options"] = { 'cap = pcap.open_offline(arg[1] .. "ng.options")', PACKETS,
      'assert(pkt:comment() == "told" and pkt.direction == "in" and pkt:dropped() == 7)' },
    ["that asks for options where there are none"] = { 'cap = pcap.open_offline(arg[1] .. "ng")',
      PACKETS, "if pkt:comment() or pkt.direction or #pkt:comments() > 0 then error() end" },
    ["that copies to pcapng"] = { 'dumper = cap:dump_open("/dev/null", { format = "pcapng" })',
      PACKETS, "assert(dumper:dump(pkt))" },
    ["that rotates"] = { 'dumper = cap:dump_open(arg[1] .. ".%i",'
      .. ' { rotate = { seconds = 1000000, bytes = 10000000 } })', PACKETS,
      "assert(dumper:dump(pkt))" },
    ["that rotates by the system's clock, in pcapng"] = { 'dumper = cap:dump_open(arg[1] .. ".%i",'
      .. ' { format = "pcapng", rotate = { seconds = 1000000, clock = "wall" } })', PACKETS,
      "assert(dumper:dump(pkt))" },
    ["that copies to a function"] = { 'dumper = cap:dump_open(function() end)', PACKETS,
      "assert(dumper:dump(pkt))" },
    ["that copies to memory"] = { 'dumper = pcap.dumper { memory = true, snaplen = 262144 }',
      PACKETS, "assert(dumper:dump(pkt))" },
    ["that records"] = { 'dumper = pcap.recorder { seconds = 5 }', PACKETS,
      "assert(dumper:dump(pkt))" },
    ["over what a filter takes"] = { 'assert(cap:set_filter "len = 64")', PACKETS, "" },
    ["over the other byte order"] = { 'cap = assert(pcap.open_offline(arg[1] .. ".big"))', PACKETS,
      "" },
    ["over a compressed file"] = { 'cap = pcap.open_offline(arg[1] .. ".gz")', PACKETS, "" },
    ["over a pipe"] = { 'cap = pcap.open_offline(io.popen("cat " .. arg[1]))', PACKETS, "" },
    ["over what a reader was fed"] = { 'cap = pcap.reader() cap:feed(io.open(arg[1]):read "*a")',
      PACKETS, "" },
    ["over what a reader was fed of a compressed file"] = { 'cap = pcap.reader()'
      .. ' cap:feed(io.open(arg[1] .. ".gz"):read "*a")', PACKETS, "" },
    ["over pcapng"] = { 'cap = pcap.open_offline(arg[1] .. "ng")', PACKETS,
      "count = count + pkt.data[0] - 48" },
    ["over pcapng with other blocks between"] = { 'cap = pcap.open_offline(arg[1] .. "ng.mixed")',
      PACKETS, "" },
    ["over next of pcapng"] = { 'cap = pcap.open_offline(arg[1] .. "ng")',
      "data, timestamp, wirelen in cap.next, cap", "" },
    ["that copies pcapng"] = { 'cap = pcap.open_offline(arg[1] .. "ng")', PACKETS,
      "assert(dumper:dump(pkt))" },
    ["over what a filter takes of pcapng"] = { 'cap = pcap.open_offline(arg[1] .. "ng")'
      .. ' cap:set_filter "len = 64"', PACKETS, "" },
    ["over pcapng that a reader was fed"] = { 'cap = pcap.reader()'
      .. ' cap:feed(io.open(arg[1] .. "ng"):read "*a")', PACKETS, "" },
    ["over a merge"] = { 'cap = pcap.merge { cap, pcap.open_offline(arg[1] .. ".none") }', PACKETS,
      "assert(dumper:dump(pkt))" },
    ["over a followed file"] = { 'cap = pcap.open_offline(arg[1], { follow = true })', PACKETS,
      "" },
    ["that runs a filter itself"] = { 'local filter = pcap.compile "len = 64"', PACKETS,
      "assert(filter:match(pkt))" },
  } do
    it(what, function()
      local count, traces = run(unpack(script))
      assert.equal(20000, count)
      assert.truthy(traces:find("script.lua:6 loop]", 1, true), traces)
      for abort in traces:gmatch "%-%-%- script[^\n]*" do
        error(abort)
      end
    end)
  end

  -- LuaJIT compiles a loop anew for what it meets anew, and only so often; then it interprets it.
  -- What is measured is behind 100 files. The profiler's function is called when compiled code is
  -- left, so what is around the loop is not to be compiled with it.
  it("for any number of captures and filters", function()
    local script = shell.write(folder .. "/script.lua", [==[
      local pcap, profile = require "pcap", require "jit.profile"
      local shared = pcap.compile "len = 64"
      local i, looping, interpreted, all, begun, count = 0, false, 0, 0, 0, 0
      profile.start("i1", function(_, samples, state)
        if looping and i > 100 then
          all, interpreted = all + samples, interpreted + (state == "I" and samples or 0)
        end
      end)
      jit.attach(function(what)
        if what == "start" and i > 100 then begun = begun + 1 end
      end, "trace")
      local function loop(cap, filter)
        for pkt in cap:packets() do
          if not filter or filter:match(pkt) then count = count + pkt.data[0] end
        end
      end
      jit.off(true)
      repeat
        i = i + 1
        local cap = assert(pcap.open_offline(arg[1]))
        local filters = { same = "len = 64", other = "len != " .. i, shared = shared }
        assert(cap:set_filter(filters[arg[2]]))
        looping = true
        loop(cap, arg[3] and pcap.compile "len = 64")
        looping = false
        cap:close()
      until all >= 100
      print(100 * interpreted / all, begun / (i - 100))
    ]==])
    for _, words in ipairs { "same", "shared", "other", "same match", "ng same", "ng other" } do
      local kind, rest = words:match "^(n?g?) ?(.*)"
      local output = shell.run("luajit %s %s " .. rest, script, path .. kind)
      local interpreted, begun = output:match "(%S+)%s+(%S+)"
      -- Up to 2 and 0.2 here; 3 traces a file if each file has a function of its own.
      assert.is_true(tonumber(interpreted) < 30, words .. ": " .. output)
      assert.is_true(tonumber(begun) < 1, words .. ": " .. output)
    end
  end)

  -- If the search were compiled from a packet that the filter takes, it would return to the
  -- interpreter, and the caller's loop would not compile at all.
  it("in whatever order the filter takes and rejects packets", function()
    local script = shell.write(folder .. "/script.lua", [==[
      local pcap, profile = require "pcap", require "jit.profile"
      local interpreted, all, count = 0, 0, 0
      profile.start("i1", function(_, samples, state)
        all, interpreted = all + samples, interpreted + (state == "I" and samples or 0)
      end)
      local function loop(cap)
        for pkt in cap:packets() do count = count + pkt.data[0] end
      end
      repeat
        local cap = assert(pcap.open_offline(arg[1]))
        assert(cap:set_filter(arg[2]))
        loop(cap)
        cap:close()
      until all >= 100
      print(100 * interpreted / all)
    ]==])
    for _, kind in ipairs { "", "ng" } do
      for _, filter in ipairs { "ether[63] & 1 = 0", "ether[63] & 1 = 1", "ether[63] & 3 = 3",
        "ether[63] = 0x33 or ether[63] = 0x36 or ether[63] = 0x39", "ether[63] = 0x30",
        "ether[63] > 0x34", "ether[63] != 0x30" } do
        local output = shell.run("luajit %s %s %s", script, path .. kind, filter)
        -- Up to 5 here, and 30 to 40 if the search returns from within.
        assert.is_true(tonumber(output) < 15, kind .. " " .. filter .. ": " .. output)
      end
    end
  end)

  it("also where the filter takes few, with the search compiled", function()
    local count, traces = run('assert(cap:set_filter "ether[63] & 7 = 0")', PACKETS, "")
    assert.is_true(count > 0 and count < 10000)
    assert.truthy(traces:find("savefile.lua:%d+ loop]"), traces)
    assert.falsy(traces:find("savefile.lua:%d+ return]"), traces)
  end)
end)
