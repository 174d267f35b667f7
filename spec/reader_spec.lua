local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove_folder

-- Adds what a capture or a reader gives until it ends, each packet as one string.
local function drain(source, list)
  for pkt in source:packets() do
    list[#list + 1] = ("%.0f.%09.0f %d %s"):format(pkt.sec, pkt.nsec, pkt.wirelen, pkt:bytes())
  end
  return source:ending()
end

-- What a file of these bytes gives: the packets, and how it ended or why it did not open.
local function from_file(bytes, opts, expression)
  local cap, message = pcap.open_offline(shell.write(folder .. "/f.pcap", bytes), opts)
  if not cap then
    return {}, (message:gsub("^.-: ", ""))
  end
  if expression then assert(cap:set_filter(expression)) end
  local list = {}
  return list, drain(cap, list)
end

-- What a reader gives that is fed with the same bytes, `size()` of them at a time.
local function in_pieces(bytes, size, opts, expression)
  local reader, list, from = assert(pcap.reader(opts)), {}, 1
  local ending = "more"
  while from <= #bytes and ending == "more" do
    local to = from + size() - 1
    assert(reader:feed(bytes:sub(from, to)))
    from = to + 1
    if expression and reader:capture() then
      assert(reader:capture():set_filter(expression))
      expression = nil
    end
    ending = drain(reader, list)
  end
  if ending == "more" then
    reader:finish()
    ending = drain(reader, list)
  end
  reader:close()
  return list, ending
end

local SIZES = {
  function() return 1 end,
  function() return 7 end,
  function() return 16 end,
  function() return 1000 end,
  function() return math.random(0, 60) end,
}

local function assert_same_as_file(bytes, opts, expression)
  local list, ending = from_file(bytes, opts, expression)
  for _, size in ipairs(SIZES) do
    local got, got_ending = in_pieces(bytes, size, opts, expression)
    assert.equal(ending, got_ending)
    assert.same(list, got)
  end
  return #list, ending
end

local function build(header, count)
  local list = { savefile.header(header) }
  for i = 1, count do
    list[i + 1] = savefile.record(("%03d"):format(i):rep(i * 11 % 90),
      { sec = i, fraction = i * 999, wirelen = 1500, big = header.big })
  end
  return table.concat(list)
end

local MAGICS = {
  { magic = 0xa1b2c3d4 }, { magic = 0xa1b2c3d4, big = true },
  { magic = 0xa1b23c4d }, { magic = 0xa1b23c4d, big = true },
}

describe("A reader", function()
  setup(function() folder, remove_folder = shell.folder() end)
  teardown(function() remove_folder() end)

  it("gives what a file gives, of either byte order and precision, in any pieces", function()
    for _, header in ipairs(MAGICS) do
      for _, precision in ipairs { "micro", "nano" } do
        local count, ending = assert_same_as_file(build(header, 60), { precision = precision })
        assert.same({ 60, "closed" }, { count, ending })
      end
    end
  end)

  it("filters as a file is filtered", function()
    for _, header in ipairs(MAGICS) do
      local expression = "ether[0] = 0x30 and ether[2] > 0x34"
      local count = assert_same_as_file(build(header, 60), nil, expression)
      assert.is_true(count > 5 and count < 60, count)
    end
  end)

  it("gives the errors that a file gives, after the packets before them", function()
    for _, header in ipairs(MAGICS) do
      local bytes, big = build(header, 5), header.big
      local seen = {}
      for _, odd in ipairs {
        bytes:sub(1, -2), -- cut in a packet
        bytes .. "1234567", -- and in a record's header
        bytes .. savefile.record("x", { caplen = 300000000, big = big }),
        bytes .. savefile.record("x", { caplen = 2 ^ 31, big = big }) .. ("z"):rep(50),
        bytes .. savefile.record("odd", { sec = 2 ^ 32 - 1, fraction = 2 ^ 31, big = big }),
        savefile.header { magic = header.magic, big = big, snaplen = 20 }
          .. savefile.record(("long"):rep(20), { big = big })
          .. savefile.record("x", { big = big }),
        savefile.header { magic = header.magic, big = big, minor = 3 }
          .. savefile.record("first", { wirelen = 9, big = big }),
        savefile.header { magic = header.magic, big = big, major = 9 },
      } do
        local _, ending = assert_same_as_file(odd)
        seen[ending] = true
      end
      assert.is_true(seen.closed)
    end
  end)

  it("gives the errors that a file's header gives", function()
    for _, bytes in ipairs { "", "\212\195", ("junk"):rep(10), savefile.header():sub(1, 23) } do
      local count, ending = assert_same_as_file(bytes)
      assert.equal(0, count)
      assert.is_true(ending ~= "closed" and ending ~= "more", ending)
    end
  end)

  it("gives what a file gives, for every real capture at hand", function()
    local paths, count = savefile.real(), 0
    for _, path in ipairs(paths) do
      if not path:find("ng$") then
        local bytes = shell.read(path)
        local list, ending = from_file(bytes)
        local got, got_ending = in_pieces(bytes, function() return math.random(1, 3000) end)
        assert.equal(ending, got_ending)
        assert.same(list, got)
        count = count + 1
      end
    end
    if count == 0 then pending("needs real captures in PCAP_CAPTURES") end
  end)

  -- What a program makes of bytes.
  local function packed(program, bytes)
    return shell.run(program .. " -c < %s", shell.write(folder .. "/plain", bytes))
  end

  -- Files that a program of a compression has made, and what becomes of them.
  local function gives_what_a_packed_file_gives(program)
    local classic, seen = build(MAGICS[1], 60), {}
    local w = pcapng_file.writer(false)
    local ng = w:section() .. w:interface(113, 96) .. w:packet "one"
    local whole = packed(program, classic)
    for _, bytes in ipairs {
      whole,
      packed(program, classic:sub(1, 900)) .. packed(program, classic:sub(901)), -- two members
      packed(program, "") .. whole,
      packed(program, ng),
      whole:sub(1, -2), -- cut off in the checksum
      whole:sub(1, #whole / 2),
      whole:sub(1, 7),
      whole:sub(1, 3),
      whole:sub(1, -9) .. "12345" .. whole:sub(-3), -- damaged
      whole .. "junk",
      packed(program, classic:sub(1, -2)),
      packed(program, ("junk"):rep(10)),
      packed(program, ""),
      packed(program, savefile.record(("x"):rep(200000)):rep(3)), -- without a header
      packed(program, savefile.header() .. savefile.record(("x"):rep(200000)):rep(3)),
    } do
      local _, ending = assert_same_as_file(bytes)
      seen[ending] = true
    end
    assert.is_true(seen.closed)
    assert.is_true(seen["error reading dump file: " .. program .. ": unexpected end of the file"])
  end

  it("unpacks gzip that comes in any pieces, as a file's is unpacked", function()
    shell.needs_zlib()
    gives_what_a_packed_file_gives "gzip"
  end)

  it("unpacks zstd that comes in any pieces, as a file's is unpacked", function()
    shell.needs_zstd()
    gives_what_a_packed_file_gives "zstd"
  end)

  it("unpacks no more than is read, and forgets what it has unpacked", function()
    shell.needs_zstd()
    local process = require "spec.support.process"
    local record = savefile.record(("x"):rep(60000))
    shell.write(folder .. "/plain", savefile.header() .. record:rep(4000))
    shell.run("zstd -q1 -f %s", folder .. "/plain") -- 240 MB, of which some 20 KB are left
    local output = process.lua([[
      local pcap, process = require "pcap", require "spec.support.process"
      local file = io.open(arg[1], "rb")
      local reader = pcap.reader()
      local before = process.resident()
      assert(reader:feed(file:read "*a"))
      assert(reader:next())
      print(process.resident() - before < 8e6)
      local count = 1
      for pkt in reader:packets() do count = count + 1 end
      print(count, reader:ending(), process.resident() - before < 8e6)
      reader:finish()
      print(reader:next())
      assert(reader:capture():close())
      reader:finish()
      reader:close()
    ]], { redirect = folder .. "/plain.zst" })
    assert.equal("true\n4000\tmore\ttrue\nnil\tclosed\n", output)
  end)

  it("wants more until a packet is whole, and says so", function()
    for _, big in ipairs { false, true } do
      local reader = pcap.reader()
      assert.same({ nil, "more" }, { reader:next() })
      assert.same({ nil, "more" }, { reader:capture() })
      assert.equal("more", reader:ending())
      local bytes = savefile.header { big = big } .. savefile.record("one", { big = big })
        .. savefile.record("two", { big = big })
      reader:feed(bytes:sub(1, -2))
      assert.equal(1, reader:capture():datalink())
      assert.equal("one", (reader:next()))
      assert.same({ nil, "more" }, { reader:next() })
      assert.same({ nil, "more" }, { reader:next_packet() })
      for _ in reader:packets() do error "a packet" end
      assert.equal("more", reader:ending())
      assert.equal(reader, reader:feed(bytes:sub(-1)))
      assert.equal("two", reader:next_packet():bytes())
      assert.same({ nil, "more" }, { reader:next() })
      assert.equal(reader, reader:finish())
      assert.same({ nil, "closed" }, { reader:next() })
    end
  end)

  it("hands its packets to a dumper", function()
    local bytes = build({}, 30)
    local reader = pcap.reader()
    reader:feed(bytes)
    local dumper = assert(reader:capture():dump_open(folder .. "/copy.pcap"))
    for pkt in reader:packets(30) do assert(dumper:dump(pkt)) end
    assert.equal("limit", reader:ending())
    assert(dumper:close())
    assert.equal(bytes, shell.read(folder .. "/copy.pcap"))
  end)

  it("may be told the only link type to take", function()
    local bytes = savefile.header { linktype = 113 } .. savefile.record "one"
    local reader = pcap.reader { linktype = pcap.DLT.LINUX_SLL }
    reader:feed(bytes)
    assert.equal("one", (reader:next()))
    reader = pcap.reader { linktype = pcap.DLT.EN10MB }
    reader:feed(bytes)
    for _ = 1, 2 do
      assert.same({ nil, "link type is LINUX_SLL, not EN10MB" }, { reader:next() })
    end
    for _ in reader:packets() do error "a packet" end
    assert.equal("link type is LINUX_SLL, not EN10MB", reader:ending())
  end)

  it("reads pcapng, of which the first interface belongs to the header", function()
    local w = pcapng_file.writer(false)
    local head, packet = w:section() .. w:interface(113, 96), w:packet "one"
    local reader = pcap.reader()
    for byte in head:gmatch "." do
      assert.same({ nil, "more" }, { reader:capture() })
      reader:feed(byte)
    end
    local cap = assert(reader:capture())
    assert.same({ 113, 96 }, { cap:datalink(), cap:snapshot() })
    for byte in packet:gmatch "." do
      assert.same({ nil, "more" }, { reader:next() })
      reader:feed(byte)
    end
    assert.equal("one", (reader:next()))
    assert.same({ nil, "closed" }, { reader:finish():next() })
  end)

  it("says of pcapng without an interface what a file says", function()
    local reader = pcap.reader()
    reader:feed(pcapng_file.writer(true):section())
    assert.same({ nil, "more" }, { reader:next() })
    assert.same({ nil, "the capture file has no Interface Description Blocks" },
      { reader:finish():next() })
  end)

  it("keeps of what it was fed only what is not read yet", function()
    local process = require "spec.support.process"
    local output = process.lua [[
      local pcap, process = require "pcap", require "spec.support.process"
      local savefile = require "spec.support.savefile"
      local reader = pcap.reader()
      reader:feed(savefile.header())
      local piece = savefile.record(("x"):rep(60000)):rep(4)
      local count, before = 0, nil
      for i = 1, 400 do
        assert(reader:feed(piece))
        for pkt in reader:packets() do count = count + 1 end
        if i == 40 then before = process.resident() end
      end
      print(count, process.resident() - before < 4e6)
    ]]
    assert.equal("1600\ttrue\n", output)
  end)

  it("gives back the room that a large piece took", function()
    local process = require "spec.support.process"
    local output = process.lua [[
      local pcap, process = require "pcap", require "spec.support.process"
      local savefile = require "spec.support.savefile"
      local reader, before = pcap.reader(), process.resident()
      assert(reader:feed(savefile.header() .. savefile.record(("x"):rep(60000)):rep(1000)))
      for _ in reader:packets() do end
      assert(reader:feed(savefile.record "one"))
      collectgarbage()
      collectgarbage()
      print(process.resident() - before < 20e6, (reader:next()))
      print(reader:feed("") == reader, (select(2, reader:next())))
    ]]
    assert.equal("true\tone\ntrue\tmore\n", output)
  end)

  it("gives that room back though each piece ends within a packet", function()
    local process = require "spec.support.process"
    local output = process.lua [[
      local pcap, process = require "pcap", require "spec.support.process"
      local savefile = require "spec.support.savefile"
      local reader, count = pcap.reader(), 0
      local record = savefile.record(("x"):rep(1000))
      assert(reader:feed(savefile.header() .. record:sub(1, 500)))
      local before = process.resident()
      local large = (record:sub(501) .. record:sub(1, 500)):rep(50000)
      for round = 1, 100 do
        assert(reader:feed(round == 1 and large or large:sub(1, 1016)))
        for _ in reader:packets() do count = count + 1 end
        large = round == 1 and large:sub(1, 1016) or large
        collectgarbage()
        collectgarbage()
      end
      print(count, process.resident() - before < 20e6)
    ]]
    assert.equal("50099\ttrue\n", output)
  end)

  it("tells how its last loop ended, whatever was asked for since", function()
    local reader, bytes = pcap.reader(), savefile.header()
    reader:feed(bytes:sub(1, 10))
    for _ in reader:packets() do error "a packet" end
    assert.equal("more", reader:ending())
    reader:feed(bytes:sub(11))
    assert(reader:capture())
    assert.equal("more", reader:ending())
  end)

  it("empties the packet that it handed out when it is fed, as its bytes may move", function()
    local reader = pcap.reader()
    reader:feed(savefile.header() .. savefile.record "one")
    local pkt = reader:next_packet()
    assert.equal("one", pkt:bytes())
    reader:feed(savefile.record "two")
    assert.equal("", pkt:bytes())
    assert.equal("two", (reader:next()))
  end)

  it("has no use after its capture was closed, in a loop over its packets too", function()
    local function fed()
      local reader = pcap.reader()
      assert(reader:feed(savefile.header() .. savefile.record "one" .. savefile.record "two"))
      return reader
    end
    local function calls(reader)
      return {
        feed = function() reader:feed "x" end,
        next = function() reader:next() end,
        next_packet = function() reader:next_packet() end,
        packets = function() reader:packets() end,
        ending = function() reader:ending() end,
      }
    end
    for name in pairs(calls()) do
      local reader = fed()
      reader:capture():close()
      misuse(calls(reader)[name],
        "calling '" .. name .. "' on bad self: pcap capture has been closed")
      reader:finish()
      assert.is_true(reader:close())
    end
    for _, close in ipairs { function(reader) reader:capture():close() end,
      function(reader) reader:close() end } do
      local reader, count = fed(), 0
      misuse(function() for pkt in reader:packets() do
          count = count + 1
          close(reader)
          assert.equal("", pkt:bytes())
        end
      end, "calling 'packets' on bad self: pcap capture has been closed")
      assert.equal(1, count)
    end
  end)

  it("waits for the rest of a record that only libpcap understands", function()
    local whole = savefile.header { minor = 3 }
      .. savefile.record("abc", { caplen = 2 ^ 32 - 1, wirelen = 3 })
    local reader = pcap.reader()
    for i = 1, #whole do
      assert.same({ nil, "more" }, { reader:next() })
      reader:feed(whole:sub(i, i))
    end
    assert.equal("abc", (reader:next()))
  end)

  it("is closed with its capture, and checks what it is given", function()
    local reader = pcap.reader()
    misuse(function() reader:feed(1) end,
      "bad argument #1 to 'feed' (string expected, got number)")
    misuse(function() pcap.reader { file = "x" } end,
      "bad argument #1 to 'reader' (unknown option 'file')")
    misuse(function() pcap.reader(1) end,
      "bad argument #1 to 'reader' (table expected, got number)")
    reader:feed(savefile.header() .. savefile.record "one")
    local cap = reader:capture()
    misuse(function() reader:packets(-1) end, "bad argument #1 to 'packets' "
      .. "(integer from 0 to 9007199254740992 expected, got -1)")
    reader:finish()
    misuse(function() reader:feed "x" end,
      "bad argument #1 to 'feed' (the reader has been finished)")
    assert.is_true(reader:close())
    assert.is_true(reader:close())
    assert.equal("pcap reader (closed)", tostring(reader))
    misuse(function() reader:next() end,
      "calling 'next' on bad self: pcap reader has been closed")
    misuse(function() cap:next() end,
      "calling 'next' on bad self: pcap capture has been closed")
  end)
end)
