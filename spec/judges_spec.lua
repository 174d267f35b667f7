local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

-- An Ethernet frame: IPv4, UDP, and a payload.
local function frame(payload)
  local udp = "\4\210\22\46" .. string.char(math.floor((8 + payload) / 256), (8 + payload) % 256)
    .. "\0\0" .. ("x"):rep(payload)
  local length = 20 + #udp
  return "\2\0\0\0\0\2\2\0\0\0\0\1\8\0\69\0" .. string.char(math.floor(length / 256), length % 256)
    .. "\0\0\0\0\64\17\0\0\10\0\0\1\10\0\0\2" .. udp
end

local SIZES = { 18, 0, 1, 100, 1472, 7, 18, 333 }

-- Packets as the judges' words: seconds with nine digits, bytes on the wire, bytes captured.
local function word(sec, nsec, wirelen, caplen)
  return ("%.0f.%09.0f %d %d"):format(sec, nsec, wirelen, caplen)
end

local folder, remove, expected

-- Writes the packets with our dumper, and sets what a judge must say of them.
local function write(path, opts)
  local nano = opts and opts.precision == "nano"
  local cap = pcap.open_dead(pcap.DLT.EN10MB, 200, opts)
  local dumper = assert(cap:dump_open(path))
  expected = {}
  for i, size in ipairs(SIZES) do
    local whole = frame(size)
    local cut = whole:sub(1, 200)
    -- an exact binary fraction, so that no rounding is judged here
    local sec, fraction = 1700000000 + i, i / 64
    assert(dumper:dump(cut, sec + fraction, #whole))
    expected[i] = word(sec, nano and fraction * 1e9 or math.floor(fraction * 1e6 + 0.5) * 1e3,
      #whole, #cut)
  end
  assert(dumper:close())
  return path
end

-- What we say of a file, and how reading it ended.
local function ours(path)
  local cap = assert(pcap.open_offline(path, { precision = "nano" }))
  local list = {}
  for pkt in cap:packets() do
    list[#list + 1] = word(pkt.sec, pkt.nsec, pkt.wirelen, pkt.caplen)
  end
  return list, cap:ending()
end

local function lines(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  return list
end

local function tshark(path)
  return lines(shell.run("tshark -r %s -T fields -E separator=' ' -e frame.time_epoch "
    .. "-e frame.len -e frame.cap_len 2>/dev/null", path))
end

-- tcpdump's words: it does not tell the captured length, so its hexadecimal dump is measured.
local function tcpdump(path)
  local text = shell.run("tcpdump -r %s -tt -nn -e -xx --time-stamp-precision=nano 2>/dev/null",
    path)
  local list = {}
  for packet in ("\n" .. text):gsub("\n(%d+%.%d+ )", "\1%1"):gmatch("[^\1]+") do
    local time, wirelen = packet:match("^(%d+%.%d+) .-, length (%d+):")
    if time then
      local bytes = 0
      for hexadecimal in packet:gmatch("\n\t0x%x+: ([%x ]+)") do
        bytes = bytes + #hexadecimal:gsub(" ", "") / 2
      end
      list[#list + 1] = time .. " " .. wirelen .. " " .. bytes
    end
  end
  return list
end

describe("What we write", function()
  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  for _, opts in ipairs { {}, { precision = "nano" } } do
    it("is read by tcpdump and tshark as meant, " .. (opts.precision or "micro"), function()
      local path = write(folder .. "/ours", opts)
      assert.same(expected, tcpdump(path))
      assert.same(expected, tshark(path))
    end)
  end

  it("holds the frames' bytes, which tshark dissects", function()
    local path = write(folder .. "/ours")
    local ports = shell.run("tshark -r %s -T fields -e udp.dstport -e ip.src 2>/dev/null", path)
    assert.equal(("5678\t10.0.0.1\n"):rep(#SIZES), ports)
  end)

  it("is readable by tcpdump after each flush", function()
    local dumper = pcap.open_dead():dump_open(folder .. "/growing")
    for i = 1, 4 do
      assert(dumper:dump(frame(i), i))
      assert(dumper:flush())
      assert.equal(i, #tcpdump(folder .. "/growing"))
    end
  end)
end)

describe("What others write is read by us:", function()
  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  -- Runs a judge's command with %s for the path in and the path out, and reads what it wrote.
  local function through(command, opts)
    local path = write(folder .. "/in", opts)
    shell.run(command .. " 2>/dev/null", path, folder .. "/out")
    return ours(folder .. "/out")
  end

  for name, command in pairs {
    ["tcpdump's copy"] = "tcpdump -r %s -w %s",
    ["tcpdump's nanoseconds"] = "tcpdump -r %s --time-stamp-precision=nano -w %s",
    ["editcap's pcap"] = "editcap -F pcap %s %s",
    ["editcap's nanoseconds"] = "editcap -F nsecpcap %s %s",
    ["editcap's pcapng"] = "editcap -F pcapng %s %s",
    ["tshark's pcapng"] = "tshark -r %s -F pcapng -w %s",
    ["tshark's nanoseconds"] = "tshark -r %s -F nsecpcap -w %s",
  } do
    it(name, function()
      local list, ending = through(command)
      assert.same(expected, list)
      assert.equal("closed", ending)
    end)
  end

  it("nanoseconds that others keep", function()
    local path = write(folder .. "/in", { precision = "nano" })
    shell.run("editcap -t 0.000000001 -F nsecpcap %s %s", path, folder .. "/out")
    shell.run("editcap -F pcapng %s %s", folder .. "/out", folder .. "/ng")
    for i, packet in ipairs(expected) do
      local sec, nsec, rest = packet:match("^(%d+)%.(%d+)( .*)")
      expected[i] = ("%s.%09d%s"):format(sec, nsec + 1, rest)
    end
    assert.same(expected, (ours(folder .. "/out")))
    assert.same(expected, (ours(folder .. "/ng")))
  end)

  it("packets cut by editcap", function()
    local list = through("editcap -F pcap -s 60 %s %s")
    for i, packet in ipairs(expected) do
      local head, caplen = packet:match("^(.* )(%d+)$")
      expected[i] = head .. math.min(60, tonumber(caplen))
    end
    assert.same(expected, list)
  end)

  it("files merged by mergecap", function()
    local one = write(folder .. "/one")
    shell.run("editcap -t 0.5 %s %s", one, folder .. "/two")
    for _, kind in ipairs { "pcap", "nsecpcap", "pcapng" } do
      shell.run("mergecap -F %s -w %s %s %s", kind, folder .. "/merged", one, folder .. "/two")
      local merged, alone = ours(folder .. "/merged"), {}
      assert.equal(2 * #SIZES, #merged)
      for i = 1, #merged, 2 do
        alone[#alone + 1] = merged[i]
      end
      assert.same(expected, alone)
    end
  end)

  it("packets that tcpdump's filter let through are those that ours lets through", function()
    local list = through("tcpdump -r %s -w %s greater 100")
    local cap, same = pcap.open_offline(folder .. "/in"):set_filter("greater 100"), {}
    for pkt in cap:packets() do
      same[#same + 1] = word(pkt.sec, pkt.nsec, pkt.wirelen, pkt.caplen)
    end
    assert.same(list, same)
    assert.is_true(#same > 0 and #same < #SIZES)
  end)

  it("files in the other byte order, of which tcpdump and tshark say the same", function()
    for _, magic in ipairs { 0xa1b2c3d4, 0xa1b23c4d } do
      local parts = { savefile.header { magic = magic, big = true } }
      for i, size in ipairs(SIZES) do
        parts[i + 1] = savefile.record(frame(size), { big = true, sec = i, fraction = 100 * i + 7 })
      end
      local path = shell.write(folder .. "/swapped", table.concat(parts))
      local list = ours(path)
      assert.equal(#SIZES, #list)
      assert.same(list, tcpdump(path))
      assert.same(list, tshark(path))
    end
  end)

  it("a file cut short, with tcpdump's packets and tcpdump's message", function()
    shell.needs("tcpdump", "tshark")
    local whole = shell.read(write(folder .. "/in"))
    for _, cut in ipairs { 1, 100, 215, 220, 230 } do
      local path = shell.write(folder .. "/cut", whole:sub(1, -1 - cut))
      local list, ending = ours(path)
      local text = shell.try("tcpdump -r %s -nn", path)
      assert.equal("tcpdump: pcap_loop: " .. ending, text:match("tcpdump: pcap_loop: [^\n]+"), cut)
      assert.same(list, lines((shell.try("tshark -r %s -T fields -E separator=' ' "
        .. "-e frame.time_epoch -e frame.len -e frame.cap_len 2>/dev/null", path))))
    end
  end)
end)
