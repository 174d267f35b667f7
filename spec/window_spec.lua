local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local header, record = savefile.header, savefile.record
local BLOCK = 131072 -- bytes that savefile.lua reads at a time
local folder, remove, path

local function append(bytes)
  local file = io.open(path, "ab")
  file:write(bytes)
  file:close()
end

-- Bytes that differ at every place, as many as asked for.
local function pattern(length)
  local line = {}
  for i = 1, math.ceil(length / 8) do
    line[i] = ("%08x"):format(i)
  end
  return table.concat(line):sub(1, length)
end

describe("Reading in blocks", function()
  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/in.pcap"
  end)
  after_each(function() remove() end)

  it("gives records whole wherever they straddle a block's end", function()
    -- The second record's header, and then its bytes, lie across the end at every distance.
    local data = pattern(100)
    for start = BLOCK - 130, BLOCK + 20, 3 do
      local filler = pattern(start - 24 - 16)
      shell.write(path, header { snaplen = 262144 } .. record(filler, { sec = 1 })
        .. record(data, { sec = 2 }) .. record("end", { sec = 3 }))
      local cap = pcap.open_offline(path)
      assert.is_true(filler == cap:next(), start)
      assert.same({ data, 2, 100 }, { cap:next() })
      assert.same({ "end", 3, 3 }, { cap:next() })
      assert.same({ nil, "closed" }, { cap:next() })
    end
  end)

  it("gives records longer than a block between others", function()
    local data = pattern(262144)
    shell.write(path, header { snaplen = 262144 } .. record("one") .. record(data)
      .. record("two") .. record(data:reverse()) .. record(data:sub(1, BLOCK))
      .. record(data:sub(1, BLOCK - 16)) .. record("three"))
    local cap = pcap.open_offline(path)
    assert.equal("one", (cap:next()))
    assert.is_true(data == cap:next())
    assert.equal("two", (cap:next()))
    assert.is_true(data:reverse() == cap:next())
    assert.is_true(data:sub(1, BLOCK) == cap:next())
    assert.is_true(data:sub(1, BLOCK - 16) == cap:next())
    assert.equal("three", (cap:next()))
    assert.same({ nil, "closed" }, { cap:next() })
  end)

  it("gives every packet of a file of many blocks", function()
    local parts = { header() }
    for i = 1, 20000 do
      parts[#parts + 1] = record(("%08d"):format(i):rep(1 + i % 7), { sec = i })
    end
    shell.write(path, table.concat(parts))
    local cap, i = pcap.open_offline(path), 0
    for pkt in cap:packets() do
      i = i + 1
      if pkt.sec ~= i or pkt:bytes() ~= ("%08d"):format(i):rep(1 + i % 7) then
        error("packet " .. i .. " is " .. tostring(pkt))
      end
    end
    assert.equal(20000, i)
    i = 0
    cap = pcap.open_offline(path):set_filter("len == 8")
    for pkt in cap:packets() do
      i = i + 7
      assert.equal(i, pkt.sec)
    end
    assert.equal(19999, i)
  end)

  it("goes on after closed with what is appended to a growing file", function()
    shell.write(path, header())
    local cap = pcap.open_offline(path)
    for i = 1, 5 do
      assert.same({ nil, "closed" }, { cap:next() })
      append(record("a" .. i) .. record("b" .. i))
      assert.equal("a" .. i, (cap:next()))
      assert.equal("b" .. i, cap:next_packet():bytes())
      for _ in cap:packets() do error "a packet" end
      assert.equal("closed", cap:ending())
    end
  end)

  it("goes on in a growing file that libpcap reads alone", function()
    local big = { big = true }
    shell.write(path, header(big) .. record("first", big))
    local cap = pcap.open_offline(path)
    assert.equal("first", (cap:next()))
    for i = 1, 3 do
      assert.same({ nil, "closed" }, { cap:next() })
      append(record("more" .. i, big))
      assert.equal("more" .. i, (cap:next()))
    end
  end)

  it("goes on in a growing file with filters and with records longer than a block", function()
    shell.write(path, header { snaplen = 262144 })
    local cap = pcap.open_offline(path):set_filter("len > 1")
    for i = 1, 3 do
      assert.same({ nil, "closed" }, { cap:next() })
      append(record("a") .. record("bb" .. i) .. record("c"))
      assert.equal("bb" .. i, (cap:next()))
      assert.same({ nil, "closed" }, { cap:next() })
      append(record(pattern(BLOCK + i)))
      assert.is_true(pattern(BLOCK + i) == cap:next())
    end
  end)

  it("reads a record that is appended while the block is not yet read to its end", function()
    shell.write(path, header() .. record("one") .. record("two"))
    local cap = pcap.open_offline(path)
    assert.equal("one", (cap:next()))
    append(record("three"))
    assert.equal("two", (cap:next()))
    assert.equal("three", (cap:next()))
  end)

  it("ends a file that is cut off under it without harm", function()
    shell.write(path, header() .. record(pattern(60000)):rep(10))
    local cap = pcap.open_offline(path)
    assert.is_true(pattern(60000) == cap:next())
    shell.run("truncate -s 100 %s", path)
    local seen, reason = 0
    repeat
      local capdata, message = cap:next()
      seen, reason = seen + 1, message
    until not capdata
    assert.is_true(seen <= 3)
    assert.equal("closed", reason)
  end)

  it("takes no pcapng for a classic file, whatever its blocks hold", function()
    local function word(value) return savefile.header({ magic = value }):sub(1, 4) end
    local section = "\x0a\x0d\x0d\x0a" .. word(28) .. word(0x1a2b3c4d) .. "\1\0\0\0"
      .. ("\xff"):rep(8) .. word(28)
    -- An interface block whose last 24 bytes are those of a classic file's header.
    local disguise = header():sub(1, 20)
    local option = "\1\0" .. "\20\0" .. disguise
    local length = 8 + 8 + #option + 4
    local interface = word(1) .. word(length) .. "\1\0\0\0" .. word(65535) .. option .. word(length)
    local packet = word(6) .. word(36) .. word(0) .. word(0) .. word(7000000) .. word(3) .. word(3)
      .. "abc\0" .. word(36)
    shell.write(path, section .. interface .. packet)
    assert.same({ "abc", 7, 3 }, { pcap.open_offline(path):next() })
  end)

  it("keeps two captures of one file apart", function()
    shell.write(path, header() .. record("one") .. record("two"))
    local one, two = pcap.open_offline(path), pcap.open_offline(path)
    assert.equal("one", (one:next()))
    assert.equal("one", (two:next()))
    assert.are_not.equal(one:getfd(), two:getfd())
    assert.equal("two", (one:next()))
    assert.equal("two", (two:next()))
  end)
end)
