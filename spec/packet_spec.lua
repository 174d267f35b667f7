local ffi = require "ffi"
local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove

-- A capture of the records given.
local function open(records, opts, header)
  local path = shell.write(folder .. "/in.pcap", savefile.header(header) .. table.concat(records))
  return assert(pcap.open_offline(path, opts))
end

local function first(data, opts, ...)
  return assert(open({ savefile.record(data, opts) }, ...):next_packet())
end

describe("A packet", function()
  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  it("has its bytes, lengths and time in fields", function()
    local pkt = first("abcdef", { sec = 1700000000, fraction = 123456, wirelen = 1500 })
    assert.equal("abcdef", ffi.string(pkt.data, pkt.caplen))
    assert.equal(6, pkt.caplen)
    assert.equal(1500, pkt.wirelen)
    assert.equal(1700000000, pkt.sec)
    assert.equal(123456000, pkt.nsec)
    assert.equal(97, pkt.data[0])
  end)

  it("has fields of plain numbers", function()
    local pkt = first("abc", { sec = 2 ^ 31 - 1, fraction = 999999 })
    for _, field in ipairs { "caplen", "wirelen", "sec", "nsec" } do
      assert.equal("number", type(pkt[field]), field)
    end
  end)

  it("has nanoseconds whatever the file's and the handle's precision", function()
    local micro, nano = {}, { magic = 0xa1b23c4d }
    assert.equal(123456000, first("x", { fraction = 123456 }, {}, micro).nsec)
    assert.equal(123456000, first("x", { fraction = 123456 }, { precision = "nano" }, micro).nsec)
    assert.equal(123456789, first("x", { fraction = 123456789 }, { precision = "nano" }, nano).nsec)
    assert.equal(123456000, first("x", { fraction = 123456789 }, {}, nano).nsec)
  end)

  it("has the timestamp that next gives", function()
    local cap = open { savefile.record("a", { sec = 1700000000, fraction = 123456 }),
      savefile.record("b", { sec = 1700000000, fraction = 123456 }) }
    local timestamp = cap:next_packet():timestamp()
    assert.equal(1700000000.123456, timestamp)
    assert.equal(select(2, cap:next()), timestamp)
  end)

  it("gives its bytes by string.sub's rules, clamped to the packet", function()
    local data = "abcdefghij"
    local pkt = first(data)
    assert.equal(data, pkt:bytes())
    local positions = { -2 ^ 53, -12, -11, -10, -9, -1, 0, 1, 2, 9, 10, 11, 12, 2 ^ 31, 2 ^ 53 }
    -- string.sub takes 32 bits only; beyond the packet all positions are one
    local function near(position)
      return math.max(-100, math.min(100, position))
    end
    for _, from in ipairs(positions) do
      assert.equal(data:sub(near(from)), pkt:bytes(from))
      for _, to in ipairs(positions) do
        assert.equal(data:sub(near(from), near(to)), pkt:bytes(from, to), from .. ", " .. to)
      end
    end
    assert.equal("abc", pkt:bytes(nil, 3))
  end)

  it("gives an empty string when it has no bytes", function()
    local pkt = first("")
    assert.equal("", pkt:bytes())
    assert.equal("", pkt:bytes(1))
    assert.equal("", pkt:bytes(-1, 1))
    assert.equal("", pkt:copy():bytes())
  end)

  it("refuses positions that are no numbers", function()
    local pkt = first("abc")
    misuse(function() pkt:bytes("one") end,
      "bad argument #1 to 'bytes' (number expected, got string)")
    misuse(function() pkt:bytes(1, {}) end,
      "bad argument #2 to 'bytes' (number expected, got table)")
    misuse(function() pkt:bytes(0 / 0) end,
      "bad argument #1 to 'bytes' (finite number expected, got " .. tostring(0 / 0) .. ")")
  end)

  it("refuses to run its methods on something else", function()
    local pkt = first("abc")
    for _, name in ipairs { "bytes", "copy", "timestamp" } do
      local method = pkt[name]
      local message = "calling '" .. name .. "' on bad self (pcap packet expected, got %s)"
      misuse(function() method() end, message:format("nil"))
      misuse(function() method("abc") end, message:format("string"))
      misuse(function() method(ffi.new("int[1]")) end, message:format("cdata"))
    end
  end)

  it("is one struct that the capture fills anew", function()
    local cap = open { savefile.record("first"), savefile.record("second") }
    local one = cap:next_packet()
    local two = cap:next_packet()
    assert.equal(ffi.cast("void *", one), ffi.cast("void *", two))
    assert.equal("second", one:bytes())
  end)

  it("has a copy that stays when the capture reads on, closes and is collected", function()
    local records = {}
    for i = 1, 100 do
      records[i] = savefile.record(("%03d"):format(i):rep(i * 20), { sec = i, fraction = i,
        wirelen = 9000 + i })
    end
    local cap, copies = open(records), {}
    for pkt in cap:packets() do
      copies[#copies + 1] = pkt:copy():copy()
    end
    cap:close()
    cap = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    for i, pkt in ipairs(copies) do
      assert.equal(("%03d"):format(i):rep(i * 20), pkt:bytes())
      assert.same({ i, i * 1000, i * 60, 9000 + i }, { pkt.sec, pkt.nsec, pkt.caplen, pkt.wirelen })
    end
  end)

  it("keeps what it points to when only the packet is held", function()
    local kept = {}
    for i = 1, 200 do
      -- a swapped file's bytes lie in libpcap's buffer, the others in a block
      local opts = { big = i % 2 == 0 }
      kept[i] = first(("%08d"):format(i):rep(50), opts, {}, opts)
      if i % 20 == 0 then
        collectgarbage()
        collectgarbage()
      end
    end
    for i, pkt in ipairs(kept) do
      assert.equal(("%08d"):format(i):rep(50), pkt:bytes())
    end
  end)

  it("is no longer there once its capture is closed", function()
    local cap = open { savefile.record("abc") }
    local pkt = cap:next_packet()
    cap:close()
    assert.equal(0, pkt.caplen)
    assert.equal("", pkt:bytes())
  end)

  it("tells itself as a string", function()
    assert.equal("pcap packet (3 of 60 bytes at 7.000008000)",
      tostring(first("abc", { sec = 7, fraction = 8, wirelen = 60 })))
  end)

  it("may be changed before it is written; the file that was read stays as it is", function()
    shell.needs("editcap", "gzip")
    local function file(name) return folder .. "/" .. name end
    local long, short = ("a"):rep(60), ("b"):rep(20)
    local original = savefile.header() .. savefile.record(long, { sec = 5, fraction = 7 })
      .. savefile.record(short, { sec = 6 })
    shell.write(file "in.pcap", original)
    shell.run("editcap -F pcapng --capture-comment text %s %s", file "in.pcap", file "in.pcapng")
    shell.run("gzip -k %s", file "in.pcapng")
    local changed = savefile.header()
      .. savefile.record("\0" .. long:sub(2, 30), { sec = 3605, fraction = 7, wirelen = 60 })
      .. savefile.record("\0" .. short:sub(2), { sec = 3606 })
    for _, name in ipairs { "in.pcap", "in.pcapng", "in.pcapng.gz" } do
      local before = shell.read(file(name))
      for _, format in ipairs { "pcap", "pcapng" } do
        local cap = assert(pcap.open_offline(file(name)))
        local dumper = assert(pcap.dumper { file = file "out", format = format, snaplen = 65535 })
        for pkt in cap:packets() do
          ffi.cast("uint8_t *", pkt.data)[0] = 0
          pkt.sec = pkt.sec + 3600
          pkt.caplen = math.min(pkt.caplen, 30)
          assert(dumper:dump(pkt))
        end
        assert(dumper:close())
        shell.run("editcap -F pcap %s %s", file "out", file "judged")
        assert.same(changed:sub(25), shell.read(file "judged"):sub(25), name .. " as " .. format)
        assert.equal(before, shell.read(file(name)))
        shell.run("rm %s %s", file "out", file "judged")
      end
    end
  end)

  it("may be changed in a copy, and in a reader, whose pieces stay as they are", function()
    local piece = savefile.header() .. savefile.record("abc")
    local reader = assert(pcap.reader())
    assert(reader:feed(piece))
    local pkt = assert(reader:next_packet())
    local copy = pkt:copy()
    ffi.cast("uint8_t *", pkt.data)[0] = 120
    ffi.cast("uint8_t *", copy.data)[1] = 121
    assert.equal("xbc", pkt:bytes())
    assert.equal("ayc", copy:bytes())
    assert.equal(savefile.header() .. savefile.record "abc", piece)
  end)
end)
