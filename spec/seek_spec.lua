-- cap:seek: the next read gives a certain packet. What is expected is what reading from the
-- beginning gives.

local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove, path

-- Packets whose times go up and down.
local function classic(big, count)
  local parts = { savefile.header { big = big } }
  for i = 1, count do
    parts[i + 1] = savefile.record(("%d "):format(i):rep(20), { sec = i + 7 * (i % 3), big = big })
  end
  return table.concat(parts)
end

-- Two sections of different interfaces. Interfaces, names and unknown blocks stand between packets.
local function pcapng(big)
  local w, other = pcapng_file.writer(big), pcapng_file.writer(not big)
  local parts = { w:section() .. w:interface(1, 262144, { { 2, "first" } }) }
  local function add(writer, i, interface)
    parts[#parts + 1] = writer:packet(("%d "):format(i):rep(20), { interface = interface,
      high = 395000, low = i * 100, options = { { 1, "number " .. i } } })
  end
  for i = 1, 1000 do
    add(w, i, i > 500 and i % 2 or 0)
    parts[#parts + 1] = i == 500 and w:interface(101, 100000, { { 9, "\9" } })
      or i % 100 == 0 and w:block(0xbad, "unknown") or nil
  end
  parts[#parts + 1] = other:section() .. other:interface(1, 1000, { { 9, "\3" } })
  for i = 1001, 1500 do add(other, i, 0) end
  return table.concat(parts)
end

local function all_of(cap)
  local list = {}
  for pkt in cap:packets() do
    list[#list + 1] = { bytes = pkt:bytes(), time = pkt:timestamp(), interface = pkt.interface,
      linktype = pkt.linktype, comment = pkt:comment() }
  end
  return list
end

-- Every packet from a number on, and a few more after it.
local function assert_from(list, cap, number)
  for i = number, math.min(number + 2, #list) do
    local pkt = assert(cap:next_packet())
    assert.same(list[i], { bytes = pkt:bytes(), time = pkt:timestamp(), interface = pkt.interface,
      linktype = pkt.linktype, comment = pkt:comment() }, "packet " .. i)
  end
end

local function first_at(list, time)
  for i, packet in ipairs(list) do
    if packet.time >= time then return i end
  end
end

local KINDS = {
  ["classic"] = function() return classic(false, 3000) end,
  ["classic, the other byte order"] = function() return classic(true, 3000) end,
  ["pcapng"] = function() return pcapng(false) end,
  ["pcapng, the other byte order"] = function() return pcapng(true) end,
}

describe("cap:seek", function()
  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/in.pcap"
  end)
  after_each(function() remove() end)

  for kind, bytes in pairs(KINDS) do
    it("goes to a number and to a time: " .. kind, function()
      shell.write(path, bytes())
      local list = all_of(assert(pcap.open_offline(path)))
      local cap = assert(pcap.open_offline(path))
      for _, step in ipairs { 1, 37, -41 } do
        for number = step > 0 and 1 or #list, step > 0 and #list or 1, step * 10 do
          assert.equal(cap, cap:seek { packet = number })
          assert_from(list, cap, number)
          local time = list[number].time
          assert.equal(cap, cap:seek { time = time })
          assert_from(list, cap, first_at(list, time))
        end
      end
      assert.equal(cap, cap:seek { time = -1 })
      assert.same(list, all_of(cap))
    end)
  end

  it("agrees with editcap about the numbers, and with tshark about the times", function()
    shell.needs("editcap", "tshark")
    shell.write(path, classic(false, 300))
    local cap = assert(pcap.open_offline(path))
    for _, number in ipairs { 300, 1, 177 } do
      shell.run("editcap -r %s %s %s", path, folder .. "/one.pcap", number)
      assert.equal((assert(pcap.open_offline(folder .. "/one.pcap")):next()),
        (assert(cap:seek { packet = number }):next()))
      local first = shell.run("tshark -n -r %s -Y %s -T fields -e frame.time_epoch"
        .. " 2>/dev/null | head -1", path,
        "frame.time_epoch >= " .. number)
      assert.equal(tonumber(first), (select(2, assert(cap:seek { time = number }):next())))
    end
  end)

  it("counts what the file holds, whatever the filter takes", function()
    shell.write(path, classic(false, 300))
    local cap = assert(assert(pcap.open_offline(path)):set_filter "ether[0] = 0x31") -- a "1"
    assert.matches("^100 ", (assert(cap:seek { packet = 20 }):next()))
    assert.matches("^12 ", (assert(cap:seek { packet = 12 }):next()))
  end)

  it("says if there is no such packet, and stays where it is", function()
    for _, bytes in pairs(KINDS) do
      shell.write(path, bytes())
      local list, cap = all_of(assert(pcap.open_offline(path))), assert(pcap.open_offline(path))
      assert(cap:seek { packet = 700 })
      assert.same({ nil, ("%s: there is no packet %d, only %d"):format(path, #list + 1, #list) },
        { cap:seek { packet = #list + 1 } })
      assert_from(list, cap, 700)
      assert.same({ nil, path .. ": no packet is at or after this time" },
        { cap:seek { time = 2 ^ 52 } })
      assert_from(list, cap, 703)
    end
  end)

  it("gives the packets before a damage, and the error behind it", function()
    shell.write(path, classic(false, 300):sub(1, -5))
    local cap = assert(pcap.open_offline(path))
    assert.matches("^299 ", (assert(cap:seek { packet = 299 }):next()))
    local found, message = cap:seek { packet = 300 }
    assert.is_nil(found)
    assert.matches("^truncated dump file", message)
    assert.matches("^1 ", (assert(cap:seek { packet = 1 }):next()))
  end)

  it("empties the packet that was handed out, and goes on in a file that grows", function()
    local bytes = classic(false, 300)
    shell.write(path, bytes:sub(1, 9000))
    local cap = assert(pcap.open_offline(path))
    local pkt = cap:next_packet()
    assert.is_nil((cap:seek { packet = 300 }))
    assert.equal(0, pkt.caplen)
    assert.is_true(pkt.data == nil)
    shell.write(path, bytes)
    assert.matches("^300 ", (assert(cap:seek { packet = 300 }):next()))
    assert.matches("^2 ", (assert(cap:seek { packet = 2 }):next()))
  end)

  it("tells of a pcapng file what reading up to the packet tells", function()
    shell.write(path, pcapng(false))
    local cap = assert(pcap.open_offline(path, { precision = "nano" }))
    assert(cap:seek { packet = 1100 })
    assert.equal(3, #cap:interfaces())
    assert.is_true(cap:section().swapped)
    assert(cap:seek { packet = 10 })
    assert.equal(1, #cap:interfaces())
    assert.is_false(cap:section().swapped)
    assert.equal("first", cap:interfaces()[1].name)
    -- A copy that begins behind a packet has what its packets need.
    assert(cap:seek { packet = 700 })
    local copy = assert(cap:dump_open(folder .. "/copy.pcapng", { format = "pcapng" }))
    for pkt in cap:packets(4) do assert(copy:dump(pkt)) end
    assert(copy:close())
    -- 395000 * 2^32 and 100 for each packet: microseconds, and nanoseconds on interface 1.
    assert.equal("1696512081.990000000\t0\n1696512.081990100\t1\n"
      .. "1696512081.990200000\t0\n1696512.081990300\t1\n", shell.run("tshark -n -r %s -T fields "
      .. "-e frame.time_epoch -e frame.interface_id 2>/dev/null", folder .. "/copy.pcapng"))
  end)

  it("is refused where there are no places", function()
    shell.needs_zlib()
    shell.write(path, classic(false, 300))
    shell.run("gzip -k %s", path)
    local cap = assert(pcap.open_offline(path .. ".gz"))
    cap:next()
    local message = select(2, cap:seek { packet = 1 })
    assert.equal(path .. ".gz: a compressed file has no places to go to: unpack it first",
      message)
    assert.matches("^2 ", (cap:next()))
    local pipe = io.popen("cat " .. path)
    message = select(2, assert(pcap.open_offline(pipe)):seek { packet = 1 })
    pipe:close()
    assert.matches("a pipe has no position$", message)
    message = select(2, assert(pcap.open_dead()):seek { packet = 1 })
    assert.equal("pcap capture (dead EN10MB) is not a file", message)
  end)

  it("takes one of the two", function()
    shell.write(path, classic(false, 3))
    local cap = assert(pcap.open_offline(path))
    misuse(function() return (cap:seek {}) end,
      "bad argument #1 to 'seek' (one of 'packet' and 'time' expected)")
    misuse(function() return (cap:seek { packet = 1, time = 1 }) end,
      "bad argument #1 to 'seek' (one of 'packet' and 'time' expected)")
    misuse(function() return (cap:seek { packet = 0 }) end,
      "bad argument #1 to 'seek' (option 'packet': integer from 1 to 9007199254740992 expected, "
      .. "got 0)")
    misuse(function() return (cap:seek(5)) end,
      "bad argument #1 to 'seek' (table expected, got number)")
    misuse(function() return (cap:seek { time = 0 / 0 }) end,
      "bad argument #1 to 'seek' (option 'time': finite number expected, got "
      .. tostring(0 / 0) .. ")")
  end)
end)

describe("An index beside a file", function()
  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/in.pcap"
  end)
  after_each(function() remove() end)

  -- How many bytes a new program reads of the file to get to a packet.
  local function read_for(number)
    local trace = shell.run("strace -e trace=pread64 luajit -e %s 2>&1", ([[
      local cap = assert(require "pcap".open_offline(%q, { index = true }))
      assert(cap:seek { packet = %d })
      assert(cap:next():find "^%d ")]]):format(path, number, number))
    local sum = 0
    for count in trace:gmatch "pread64%b() += (%d+)" do sum = sum + count end
    return sum
  end

  it("spares a later program the reading", function()
    shell.needs "strace"
    shell.write(path, classic(false, 30000))
    assert.is_true(read_for(29000) > 2000000)
    assert.is_true(read_for(29000) < 600000)
    assert.is_true(read_for(20000) < 600000)
  end)

  it("gives the same packets", function()
    for _, bytes in pairs(KINDS) do
      shell.write(path, bytes())
      local list = all_of(assert(pcap.open_offline(path)))
      assert.is_nil(select(2, assert(pcap.open_offline(path, { index = true }))
        :seek { packet = #list }))
      local cap = assert(pcap.open_offline(path, { index = true }))
      for number = #list, 1, -97 do
        assert_from(list, assert(cap:seek { packet = number }), number)
      end
    end
  end)

  it("is made only if asked, where it is asked", function()
    shell.write(path, classic(false, 300))
    assert(assert(pcap.open_offline(path)):seek { packet = 300 })
    assert.equal("in.pcap\n", shell.run("ls %s", folder))
    assert(assert(pcap.open_offline(path, { index = folder .. "/x" })):seek { packet = 300 })
    assert.equal("in.pcap\nx\n", shell.run("ls %s", folder))
    misuse(function() return (pcap.open_offline("-", { index = true })) end,
      "bad argument #2 to 'open_offline' (option 'index' needs a path)")
  end)

  it("does not hold for a file of another size, date or precision, nor if it is damaged", function()
    shell.write(path, classic(false, 3000))
    local index = path .. ".index"
    assert(assert(pcap.open_offline(path, { index = true })):seek { packet = 3000 })
    local text = shell.read(index)
    local function seeks(bytes, opts)
      shell.write(index, bytes)
      local cap = assert(pcap.open_offline(path, opts or { index = true }))
      assert.matches("^2999 ", (assert(cap:seek { packet = 2999 }):next()))
      assert.matches("^7 ", (assert(cap:seek { packet = 7 }):next()))
    end
    for cut = 8, #text, 7 do seeks(text:sub(1, cut)) end
    for at = 9, #text, 5 do seeks(text:sub(1, at) .. "\255\239" .. text:sub(at + 3)) end
    seeks(text, { index = true, precision = "nano" })
    shell.write(path, classic(false, 2999))
    seeks(text)
    shell.write(path, classic(true, 3000))
    shell.run("touch -d 2001-01-01 %s", path)
    seeks(text)
  end)

  it("that cannot be kept is told, and no other file is overwritten", function()
    shell.write(path, classic(false, 30))
    local other = shell.write(folder .. "/other", "mine")
    local cap = assert(pcap.open_offline(path, { index = other }))
    assert.same({ cap, "the index cannot be kept: " .. other
      .. ": it is no index: it stays as it is" }, { cap:seek { packet = 9 } })
    assert.equal("mine", shell.read(other))
    cap = assert(pcap.open_offline(path, { index = folder .. "/none/x" }))
    local found, message = cap:seek { packet = 9 }
    assert.equal(cap, found)
    assert.matches("^the index cannot be kept: .*/none/x.*: No such file or directory$", message)
    cap = assert(pcap.open_offline(path, { index = folder }))
    assert.matches("^the index cannot be kept: ", (select(2, cap:seek { packet = 9 })))
    assert.equal("in.pcap\nother\n", shell.run("ls %s", folder))
  end)
end)
