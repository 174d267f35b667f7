-- pcap replay: what arrives at the other end of a veth pair.

local command = require "spec.support.command"
local net = require "spec.support.net"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local FRAME = ("\255"):rep(6) .. "\2\0\0\0\0\1\x88\xb5"

-- Seconds by which the first packet may be late on a busy machine.
local LATE = 0.05

describe("pcap replay #live", function()
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
    local output, status = command.try("replay -i " .. near .. " " .. arguments, ...)
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
      -- 0.05 seconds between two, five times as fast.
      assert.is_true(times[i] - times[1] > (i - 1) * 0.01 - LATE, i)
    end
  end)

  it("sends at a rate, as fast as possible, in loops, and no more than asked for", function()
    if not net.require_privilege(pending) then return end
    local numbers, times = replay("-p 200 -l 2 %s", path)
    assert.same(count_to(80), numbers)
    assert.is_true(times[80] - times[1] > 79 / 200 - LATE)
    numbers, times = replay("-M 0.05 -L 30 %s", path)
    assert.same(count_to(30), numbers)
    assert.is_true(times[30] - times[1] > 29 * 60 * 8 / 5e4 - LATE)
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
    assert.matches("\n1 packet could not be sent: .*[Mm]essage too long", output)
  end)

  it("says what it has sent at SIGTERM and Ctrl-C", function()
    if not net.require_privilege(pending) then return end
    for _, signal in ipairs { "TERM", "INT" } do
      for _, speed in ipairs { "-x 0.001", "-t -l 0" } do
        local output = command.run("replay -i %s " .. speed .. " %s & "
          .. "p=$!; sleep 1; kill -%s $p; wait $p; echo $?", near, path, signal)
        assert.matches("^%d+ packets? %(%d+ bytes%) sent in %d%.%d+ seconds[^\n]+\n0\n$", output)
      end
    end
  end)

  it("sends several files, of stdin too, each with its own timing", function()
    if not net.require_privilege(pending) then return end
    local gz = folder .. "/in.gz"
    shell.run("gzip -c < %s > %s", path, gz)
    assert.same(count_to(80), (replay("-x 10 %s - < %s", gz, path)))
  end)

  it("leaves out and counts packets of a pcapng file that are of another link type", function()
    if not net.require_privilege(pending) then return end
    local w = pcapng_file.writer(false)
    local mixed = shell.write(folder .. "/mixed.pcapng", w:section() .. w:interface(1, 0)
      .. w:interface(101, 0) .. w:packet(FRAME .. ("%046d"):format(1))
      .. w:packet(("\69"):rep(60), { interface = 1 }) .. w:packet(FRAME .. ("%046d"):format(2)))
    local numbers, _, output, status = replay("-t %s", mixed)
    assert.same({ 1, 2 }, numbers)
    assert.equal(1, status)
    assert.matches("^2 packets .*\n1 packet could not be sent: the link type is RAW\n$", output)
  end)

  it("sends what came before an error in a file, and the other files", function()
    if not net.require_privilege(pending) then return end
    local cut = shell.write(folder .. "/cut.pcap", shell.read(path):sub(1, -5))
    local numbers, _, output, status = replay("-t -l 2 %s %s", cut, path)
    local expected = count_to(160)
    table.remove(expected, 120)
    table.remove(expected, 40)
    assert.same(expected, numbers)
    assert.equal(1, status)
    local problem = "pcap replay: " .. cut .. ": truncated dump file"
    assert.equal(1, select(2, output:gsub(problem:gsub("%p", "%%%0"), "")), output)
    assert.matches("\n158 packets %(", output)
  end)

  it("refuses what it cannot send before it sends anything, and says so", function()
    if not net.require_privilege(pending) then return end
    local raw = shell.write(folder .. "/raw.pcap", savefile.header { linktype = 101 })
    local numbers, _, output, status = replay("%s %s", path, raw)
    assert.same({ "pcap replay: " .. raw .. ": its link type is RAW, and that of " .. near
      .. " is EN10MB\n", 1 }, { output, status })
    assert.same({}, numbers)
    _, _, output, status = replay("%s %s/none", path, folder)
    assert.same({ "pcap replay: " .. folder .. "/none: No such file or directory\n", 1 },
      { output, status })
    for arguments, message in pairs {
      [""] = "missing argument 'files'",
      ["-t -p 5 x"] = "option '-p' can not be used together with option '-t'",
      ["-x 0 x"] = "'0' is not a number more than 0",
      ["-p ten x"] = "'ten' is not a number more than 0",
      ["-l 2 -"] = "'-' is stdin, which can be read once only",
    } do
      _, _, output, status = replay(arguments)
      assert.is_truthy(output:find("\npcap replay: " .. message .. "\n", 1, true), output)
      assert.equal(2, status)
    end
    assert.matches("^Usage: pcap replay ", (select(3, replay "--help")))
  end)
end)

describe("pcap replay", function()
  it("says which device is missing", function()
    local output, status = command.try "replay x"
    assert.equal(2, status)
    assert.matches("\npcap replay: missing option '%-i'\n$", output)
    output, status = command.try "replay -i nosuchdevice x"
    assert.equal(1, status)
    assert.matches("^pcap replay: nosuchdevice: ", output)
  end)
end)
