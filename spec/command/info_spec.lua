local command = require "spec.support.command"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

-- Lines "label: value" as a table, as both programs print them.
local function values(text)
  local found = {}
  for line in text:gmatch "[^\n]+" do
    local label, value = line:match "^(%u[^:=]-): *(.-)%s*$"
    if label then
      found[label] = value
    end
  end
  return found
end

local LABELS = { "Number of packets", "Data size", "Capture duration", "Average packet size",
  "First packet time", "Last packet time", "Strict time order" }
local RATES = { "Data byte rate", "Data bit rate", "Average packet rate" }

-- Digits may be more of ours: we tell nanoseconds of every pcapng file.
local function same(expected, got, message)
  local number = tonumber(expected:match "^[%d.]+$")
  if number then
    assert.is_true(math.abs(number - tonumber(got)) <= 0.006 + number * 1e-8, message)
  else
    assert.equal(expected, got:sub(1, #expected), message)
  end
end

local function judged(path)
  local found = values(shell.run("capinfos -M %s 2>/dev/null", path))
  -- Newer ones have other words.
  found["First packet time"] = found["First packet time"] or found["Earliest packet time"]
  found["Last packet time"] = found["Last packet time"] or found["Latest packet time"]
  return found
end

local function compare(path)
  local expected, got = judged(path), values(command.run("info %s", path))
  for _, label in ipairs(LABELS) do
    local value = expected[label] ~= "n/a" and expected[label] or ""
    value = value:gsub(" bytes", ""):gsub(" seconds?", "")
    if tonumber(expected["Number of packets"]) > 0 or label == "Number of packets" then
      same(value, (got[label] or ""):gsub(" bytes", ""):gsub(" seconds?", ""),
        path .. ": " .. label)
    end
  end
  -- With a duration of a few ticks capinfos's rates are of doubles that have lost digits.
  if (tonumber((got["Capture duration"] or ""):match "^%S+") or 0) > 0.01 then
    for _, label in ipairs(RATES) do
      local rate = tonumber(expected[label]:match "^%S+")
      assert.is_true(math.abs(rate - got[label]:match "^%S+") <= 0.011 + rate * 1e-4,
        path .. ": " .. label)
    end
  end
  return expected
end

describe("pcap info", function()
  local folder, remove

  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  it("tells what capinfos tells, of files made here", function()
    local packet = command.udp(53, ("x"):rep(100))
    local function record(sec, fraction, caplen)
      return savefile.record(packet:sub(1, caplen or -1), { sec = sec, fraction = fraction,
        wirelen = #packet })
    end
    local header = savefile.header()
    for name, bytes in pairs {
      none = header, one = header .. record(5, 7),
      disorder = header .. record(9, 1) .. record(5, 999999) .. record(7, 3, 60),
      nano = savefile.header { magic = 0xa1b23c4d } .. record(1, 999999999) .. record(2, 1),
    } do
      local path = shell.write(("%s/%s.pcap"):format(folder, name), bytes)
      local got = values(command.run("info %s", path))
      compare(path)
      assert.equal(#bytes .. " bytes", got["File size"])
      assert.equal(name == "nano" and "nanosecond pcap" or "pcap", got["File type"])
      assert.equal(name == "disorder" and "1" or nil, got["Packets cut short"])
    end
  end)

  it("tells what capinfos tells, of real captures", function()
    local paths = savefile.real()
    if #paths == 0 then shell.skip "needs real captures" end
    local compared = 0
    for i = 1, #paths, 3 do
      local _, status = shell.try("capinfos %s", paths[i])
      if status == 0 then -- it does not know all link types
        compare(paths[i])
        compared = compared + 1
      end
    end
    assert.is_true(compared > #paths / 4, compared)
  end)

  it("tells of each interface of a pcapng file", function()
    local dumper = assert(pcap.dumper { file = folder .. "/two.pcapng", format = "pcapng",
      section = { comment = "a \27[2J note", os = "TestOS" }, interface = { name = "eth0" } })
    local tunnel = assert(dumper:add_interface { name = "tun0", linktype = pcap.DLT.RAW,
      snaplen = 100, filter = "udp" })
    assert(dumper:dump(command.udp(53, "x"), 1.5))
    assert(dumper:dump("\69" .. ("\0"):rep(19), 2, 20, { interface = tunnel }))
    assert(dumper:dump("\69" .. ("\0"):rep(19), 3, 20, { interface = tunnel }))
    assert(dumper:close())
    local path = folder .. "/two.pcapng"
    compare(path)
    local text = command.run("info %s", path)
    assert.matches("\nLink type: +EN10MB %(Ethernet%), RAW %(Raw IP%)\n", text)
    assert.matches("\nCapture os: +TestOS\n.*\nCapture comment: +a \\x1b%[2J note\n", text)
    assert.matches("\nInterface 1: eth0\n.- = EN10MB .- Number of packets = 1\n", text)
    assert.matches("\nInterface 2: tun0\n.- = RAW .- length = 100\n.- Filter = udp\n"
      .. " +Number of packets = 2\n", text)
  end)

  it("tells of several files, goes on after one that it cannot read, and then fails", function()
    local path = command.write(folder .. "/in.pcap", { command.udp(1, "x") })
    local output, status = command.try("info %s %s/none %s", path, folder, path)
    assert.equal(1, status)
    assert.equal(2, select(2, output:gsub("File name:", "")))
    assert.matches("\npcap info: [^\n]+/none: No such file or directory\n", output)
    assert.matches("\npcap info: not all files could be read\n$", output)
  end)

  it("tells of a compressed file, and of stdin", function()
    local path = command.write(folder .. "/in.pcap", { command.udp(1, "x"), command.udp(1, "y") })
    shell.run("gzip -kf %s", path)
    local expected = values(command.run("info %s", path))
    for _, words in ipairs { "info %s.gz", "info - < %s.gz", "info - < %s", "info - < %s | cat" } do
      local got = values(command.run(words, path))
      for _, label in ipairs(LABELS) do
        assert.equal(expected[label], got[label], words)
      end
      assert.equal("pcap", got["File type"])
    end
    assert.is_nil(values(shell.run("cat %s | bin/pcap info -", path))["File size"])
  end)

  it("knows pcapng of either byte order", function()
    for _, big in ipairs { false, true } do
      local w = pcapng_file.writer(big)
      local path = shell.write(folder .. "/w.pcapng", w:section() .. w:interface(1, 50))
      assert.equal("pcapng", values(command.run("info %s", path))["File type"])
    end
  end)
end)
