-- examples/replay.lua: what arrives at the other end of a veth pair.

local net = require "spec.support.net"
local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local FRAME = ("\255"):rep(6) .. "\2\0\0\0\0\1\x88\xb5"

describe("examples/replay.lua #live", function()
  local folder, remove, path, near, far, remove_pair

  setup(function()
    folder, remove = shell.folder()
    local parts = { savefile.header() }
    for i = 1, 40 do
      parts[i + 1] = savefile.record(FRAME .. ("%046d"):format(i),
        { sec = 1000 + math.floor(i / 20), fraction = i % 20 * 50000 })
    end
    path = shell.write(folder .. "/in.pcap", table.concat(parts))
  end)
  teardown(function() remove() end)
  before_each(function()
    if net.is_privileged() then near, far, remove_pair = net.veth() end
  end)
  after_each(function()
    if net.is_privileged() then remove_pair() end
  end)

  -- Runs it: the packets' numbers at the other end, their times, what it said, and its status.
  local function replay(arguments, ...)
    local cap = assert(assert(pcap.open_live { device = far, direction = "in" })
      :set_filter "ether proto 0x88b5")
    local output, status = shell.try("luajit examples/replay.lua -i " .. near .. " " .. arguments,
      ...)
    shell.run "sleep 0.1"
    local numbers, times = {}, {}
    for pkt in cap:packets() do
      numbers[#numbers + 1], times[#times + 1] = tonumber(pkt:bytes(15, 60)), pkt:timestamp()
    end
    cap:close()
    return numbers, times, output, status
  end

  local function count_to(count)
    local list = {}
    for i = 1, count do list[i] = (i - 1) % 40 + 1 end
    return list
  end

  it("sends all packets in their order, no sooner than they were recorded", function()
    if not net.require_privilege(pending) then return end
    local numbers, times, output, status = replay("-x 5 %s", path)
    assert.same(count_to(40), numbers)
    assert.equal(0, status)
    assert.matches("^40 packets %(2400 bytes%) sent in 0%.%d+ seconds", output)
    for i = 2, 40 do
      -- 0.05 seconds between two, five times as fast; the first may be late.
      assert.is_true(times[i] - times[1] > (i - 1) * 0.01 - 0.005, i)
    end
  end)

  it("sends at a rate, as fast as possible, in loops, and no more than asked for", function()
    if not net.require_privilege(pending) then return end
    local numbers, times = replay("-p 200 -l 2 %s", path)
    assert.same(count_to(80), numbers)
    assert.is_true(times[80] - times[1] > 79 / 200 - 0.005)
    numbers, times = replay("-M 0.1 -L 10 %s", path)
    assert.same(count_to(10), numbers)
    assert.is_true(times[10] - times[1] > 9 * 60 * 8 / 1e5 - 0.005)
    assert.same(count_to(120), (replay("-t -l 3 %s", path)))
    assert.same({ 7, 8 }, (replay("-t -f %s %s", "ether[59] >= 0x37 and ether[59] <= 0x38 and "
      .. "ether[58] = 0x30", path)))
  end)

  it("counts packets that the device does not take, and sends the others", function()
    if not net.require_privilege(pending) then return end
    local long = shell.write(folder .. "/long.pcap", savefile.header()
      .. savefile.record(FRAME .. ("%046d"):format(1)) .. savefile.record(("x"):rep(3000))
      .. savefile.record(FRAME .. ("%046d"):format(2)))
    local numbers, _, output, status = replay("-t %s", long)
    assert.same({ 1, 2 }, numbers)
    assert.equal(1, status)
    assert.matches("\n1 packets could not be sent: .*[Mm]essage too long", output)
  end)

  it("says what it has sent at SIGTERM and Ctrl-C", function()
    if not net.require_privilege(pending) then return end
    for _, signal in ipairs { "TERM", "INT" } do
      for _, speed in ipairs { "-x 0.001", "-t -l 0" } do
        local output = shell.run("luajit examples/replay.lua -i %s " .. speed .. " %s & "
          .. "p=$!; sleep 1; kill -%s $p; wait $p; echo $?", near, path, signal)
        assert.matches("^%d+ packets %(%d+ bytes%) sent in %d%.%d+ seconds[^\n]+\n0\n$", output)
      end
    end
  end)

  it("refuses what it cannot send, and says so", function()
    if not net.require_privilege(pending) then return end
    local raw = shell.write(folder .. "/raw.pcap", savefile.header { linktype = 101 })
    local _, _, output, status = replay("%s", raw)
    assert.same({ "replay: " .. raw .. ": its link type is RAW, and that of " .. near
      .. " is EN10MB\n", 1 }, { output, status })
    for arguments, message in pairs {
      [""] = "there is no file to send", ["-t -p 5 x"] = "-x, -p, -M and -t exclude each other",
      ["-x 0 x"] = "-x needs more than 0", ["-p ten x"] = '-p needs a number, not "ten"',
    } do
      _, _, output, status = replay(arguments)
      assert.same({ "replay: " .. message .. "\nTry --help.\n", 2 }, { output, status })
    end
    assert.matches("^Usage: ", (select(3, replay "--help")))
  end)
end)
