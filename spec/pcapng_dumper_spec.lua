local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local process = require "spec.support.process"
local reader = require "spec.support.reader"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local tshark = require "spec.support.tshark"

local RAW = pcap.DLT.RAW
local w = pcapng_file.writer(require("ffi").abi "be")
local folder, remove, out

-- A section and an interface that are the same on every machine.
local NAMED = { application = "app", os = "os", hardware = "machine" }
local OF_NAMED = w:section { { 2, "machine" }, { 3, "os" }, { 4, "app" } }
local PLAIN = { os = "any" }

local function of_interface(snaplen, resolution)
  return w:interface(1, snaplen or 65535, { { 9, string.char(resolution or 6) }, { 12, "any" } })
end

local HEADER = OF_NAMED .. of_interface()

-- A dumper on `out` that writes HEADER.
local function open(opts)
  local all = { file = out, format = "pcapng", section = NAMED, interface = PLAIN }
  for key, value in pairs(opts or {}) do all[key] = value end
  return assert(pcap.dumper(all))
end

local function assert_written(expected)
  local written = shell.read(out)
  if written ~= expected then
    shell.write(folder .. "/expected", expected)
    error(shell.try("cmp %s/expected %s", folder, out), 2)
  end
end

-- The time of a packet, as its block has it.
local function at(units)
  return math.floor(units / 2 ^ 32), units % 2 ^ 32
end

local function packet(data, units, fields)
  fields = fields or {}
  fields.high, fields.low = at(units)
  return w:packet(data, fields)
end

describe("A pcapng dumper", function()
  before_each(function()
    folder, remove = shell.folder()
    out = folder .. "/out.pcapng"
  end)
  after_each(function() remove() end)

  it("writes what the specification says, byte for byte", function()
    local dumper = open()
    assert.equal(dumper, dumper:dump("abc", 1700000000.123456, 1500))
    assert.equal(dumper, dumper:dump("", 1))
    assert.equal(dumper, dumper:dump(("x"):rep(65535), 2 ^ 32))
    assert.is_true(dumper:close())
    assert_written(HEADER .. packet("abc", 1700000000123456, { wirelen = 1500 })
      .. packet("", 1e6) .. packet(("x"):rep(65535), 2 ^ 32 * 1e6))
  end)

  it("writes nanoseconds where its precision is that, and packets of every length", function()
    local dumper, expected = open { precision = "nano", snaplen = 3000 },
      { OF_NAMED, of_interface(3000, 9) }
    for size = 1, 3000, 13 do
      local data = ("%d "):format(size):rep(size):sub(1, size)
      assert(dumper:dump(data, size + 0.25))
      expected[#expected + 1] = packet(data, size * 1e9 + 25e7)
    end
    assert(dumper:close())
    assert_written(table.concat(expected))
  end)

  it("describes the section and the interface of a capture by default", function()
    local cap = pcap.open_dead(1, 1000, { precision = "nano" })
    assert(cap:set_filter "tcp port 80")
    assert(assert(cap:dump_open(out, { format = "pcapng" })):close())
    local system = shell.run("uname -s -r"):gsub("\n", "")
    local info = shell.run("capinfos %s", out)
    for _, line in ipairs { "Capture oper%-sys: +" .. system:gsub("%p", "%%%0"),
      "Capture hardware: +" .. shell.run("uname -m"):gsub("\n", ""),
      "Capture application: +pcap for LuaJIT, libpcap", "Encapsulation = Ethernet",
      "Capture length = 1000", "Time ticks per second = 1000000000",
      "Filter string = tcp port 80", "Operating system = " .. system:gsub("%p", "%%%0") } do
      assert.matches(line, info)
    end
  end)

  it("takes what the caller says of them", function()
    open { section = { comment = "why", application = "app", os = "os", hardware = "machine" },
      interface = { name = "eth0", description = "Grüße", filter = "tcp", os = "any", tsresol = 9,
        mac = "02:00:00:00:00:01", eui = "02-00-00-00-00-00-00-02", speed = 1e9, fcslen = 4,
        addresses = { { address = "192.0.2.1", netmask = "255.255.255.0" },
          { address = "2001:db8::1", prefix = 64 } }, comments = { "one", "two" },
        tsoffset = -1, hardware = "card", txspeed = 2 ^ 33, rxspeed = 7ULL } }:close()
    assert_written(w:section { { 1, "why" }, { 2, "machine" }, { 3, "os" }, { 4, "app" } }
      .. w:interface(1, 65535, { { 1, "one" }, { 1, "two" }, { 2, "eth0" }, { 3, "Grüße" },
        { 4, "\192\0\2\1\255\255\255\0" },
        { 5, "\32\1\13\184" .. ("\0"):rep(11) .. "\1\64" }, { 6, "\2\0\0\0\0\1" },
        { 7, "\2\0\0\0\0\0\0\2" }, { 8, w:word(1e9, 8) }, { 9, "\9" }, { 11, "\0tcp" },
        { 12, "any" }, { 13, "\4" }, { 14, ("\255"):rep(8) }, { 15, "card" },
        { 16, w:word(2 ^ 33, 8) }, { 17, w:word(7, 8) } }))
  end)

  it("takes an IPv4 address's mask as a prefix too, and refuses one that is none", function()
    local dumper = open()
    for prefix, mask in pairs { [0] = "\0\0\0\0", [1] = "\128\0\0\0", [22] = "\255\255\252\0",
      [31] = "\255\255\255\254", [32] = "\255\255\255\255" } do
      local before = #shell.read(out)
      assert(dumper:add_interface { addresses = { { address = "192.0.2.1", prefix = prefix } } })
      dumper:flush()
      assert.equal(w:interface(1, 65535, { { 4, "\192\0\2\1" .. mask }, { 9, "\6" } }),
        shell.read(out):sub(before + 1))
    end
    for _, value in ipairs { { address = "192.0.2.1", prefix = 33 },
      { address = "::1", netmask = "ffff::" }, { address = "192.0.2.1", netmask = "::" } } do
      assert.is_nil((dumper:add_interface { addresses = { value } }))
    end
    dumper:close()
  end)

  it("adds options to a packet", function()
    open():dump("abc", 1, 3, { comments = { "one", "two" }, direction = "in", dropped = 5,
        id = 2 ^ 40, queue = 2, hash = { type = 2, data = "\1\2\3\4" },
        verdict = { type = 1, data = ("\0"):rep(8) },
        options = { { code = 32768, value = "local" } } }):close()
    assert_written(HEADER .. packet("abc", 1e6, { options = { { 1, "one" }, { 1, "two" },
      { 3, "\2\1\2\3\4" }, { 4, w:word(5, 8) }, { 5, w:word(2 ^ 40, 8) }, { 6, w:word(2, 4) },
      { 7, "\1" .. ("\0"):rep(8) }, { 32768, "local" }, { 2, w:word(1, 4) } } }))
    local before = os.time()
    open():dump("abc", { comment = "now" }):close()
    assert.is_true(pcap.open_offline(out):next_packet().sec >= before)
  end)

  it("keeps the options that a packet brings, and replaces what a packet has once", function()
    local ffi = require "ffi"
    local options = w:options { { 1, "brought" }, { 2, w:word(0x41, 4) }, { 4, w:word(1, 8) } }
    local source = shell.write(folder .. "/in", savefile.header() .. savefile.record("abc"))
    local pkt = pcap.open_offline(source):next_packet():copy()
    pkt.options_start, pkt.options_length = ffi.cast("const uint8_t *", options), #options
    open():dump(pkt):dump(pkt, { direction = "out", comment = "added" }):close()
    assert_written(HEADER
      .. packet("abc", 0, { options = { { 1, "brought" }, { 2, w:word(0x41, 4) },
        { 4, w:word(1, 8) } } })
      .. packet("abc", 0, { options = { { 1, "brought" }, { 2, w:word(0x42, 4) },
        { 4, w:word(1, 8) }, { 1, "added" } } }))
    assert.is_string(options)
  end)

  it("adds interfaces, whose packets are sent there by number", function()
    local dumper = open()
    assert.equal(2, dumper:add_interface { linktype = RAW, name = "tun0", snaplen = 96,
      tsresol = 3 })
    assert.equal(3, dumper:add_interface())
    dumper:dump("\69abc", 1.5, 4, { interface = 2 }):dump("def", 1, 3, { interface = 3 })
      :dump("ghi", 2)
    assert.is_true(dumper:close())
    assert_written(HEADER .. w:interface(101, 96, { { 2, "tun0" }, { 9, "\3" } })
      .. w:interface(1, 65535, { { 9, "\6" } })
      .. packet("\69abc", 1500, { interface = 1 }) .. packet("def", 1e6, { interface = 2 })
      .. packet("ghi", 2e6))
  end)

  it("makes an interface for each link type and each number that packets tell", function()
    local function copy_of(linktype, number, data)
      local path = shell.write(folder .. "/in", savefile.header { linktype = linktype }
        .. savefile.record(data, { sec = 1 }))
      local pkt = pcap.open_offline(path):next_packet():copy()
      pkt.interface = number
      return pkt
    end
    local ethernet, raw = copy_of(1, 1, "one"), copy_of(101, 1, "two")
    local third = copy_of(1, 7, "three")
    local dumper = open()
    for _ = 1, 2 do
      dumper:dump(ethernet):dump(raw):dump(third)
    end
    assert.is_true(dumper:close())
    local copies = packet("one", 1e6) .. packet("two", 1e6, { interface = 1 })
    assert_written(HEADER .. packet("one", 1e6) .. w:interface(101, 65535, { { 9, "\6" } })
      .. packet("two", 1e6, { interface = 1 }) .. w:interface(1, 65535, { { 9, "\6" } })
      .. packet("three", 1e6, { interface = 2 }) .. copies
      .. packet("three", 1e6, { interface = 2 }))
  end)

  it("writes the direction and the losses that a packet's own flags tell", function()
    local source = shell.write(folder .. "/in", savefile.header() .. savefile.record("abc"))
    local pkt = pcap.open_offline(source):next_packet():copy()
    local dumper = open()
    for _, flags in ipairs { 2, 0x200, 0x200 + 3 * 2 ^ 16, 0x200 + 0xffff * 2 ^ 16 } do
      pkt.flags = flags
      dumper:dump(pkt)
    end
    dumper:close()
    assert_written(HEADER .. packet("abc", 0, { options = { { 2, w:word(2, 4) } } })
      .. packet("abc", 0, { options = { { 4, w:word(0, 8) } } }) -- as editcap does
      .. packet("abc", 0, { options = { { 4, w:word(3, 8) } } })
      .. packet("abc", 0))
  end)

  it("writes a comment into the section's header while nothing stands behind it", function()
    local dumper = open()
    assert.equal(dumper, dumper:comment("first"):comment("second"))
    assert.equal(2, dumper:add_interface())
    dumper:comment("third"):dump("abc", 1, 3, { interface = 2 }):close()
    assert_written(w:section { { 1, "first" }, { 1, "second" }, { 1, "third" }, { 2, "machine" },
      { 3, "os" }, { 4, "app" } } .. of_interface() .. w:interface(1, 65535, { { 9, "\6" } })
      .. packet("abc", 1e6, { interface = 1 }))
  end)

  it("begins a section for a comment behind packets", function()
    local dumper = open { section = { comment = "begin", os = "os", application = "app",
      hardware = "machine" } }
    dumper:dump("abc", 1):comment("then"):dump("def", 2):close()
    assert_written(w:section { { 1, "begin" }, { 2, "machine" }, { 3, "os" }, { 4, "app" } }
      .. of_interface() .. packet("abc", 1e6)
      .. w:section { { 1, "then" }, { 2, "machine" }, { 3, "os" }, { 4, "app" } }
      .. of_interface() .. packet("def", 2e6))
    local info = shell.run("capinfos %s", out)
    assert.matches("Capture comment: +begin", info)
    assert.matches("Capture comment: +then", info)
  end)

  it("writes names, secrets and blocks of any other type", function()
    open():add_names { { address = "192.0.2.1", names = { "a", "bc" } },
        { address = "2001:db8::1", names = { "six" } },
        { address = "02:00:00:00:00:01", names = { "card" } },
        { address = "02:00:00:00:00:00:00:01", names = { "eui" } } }
      :add_secrets { type = 0x544c534b, data = "CLIENT_RANDOM 1 2\n" }
      :add_block(0x80000001, "any"):dump("abc", 1):close()
    assert_written(HEADER .. w:block(4,
        w:word(1, 2) .. w:word(9, 2) .. "\192\0\2\1a\0bc\0\0\0\0"
        .. w:word(2, 2) .. w:word(20, 2) .. "\32\1\13\184" .. ("\0"):rep(11) .. "\1six\0"
        .. w:word(3, 2) .. w:word(11, 2) .. "\2\0\0\0\0\1card\0\0"
        .. w:word(4, 2) .. w:word(12, 2) .. "\2\0\0\0\0\0\0\1eui\0" .. ("\0"):rep(4))
      .. w:block(10, w:word(0x544c534b, 4) .. w:word(18, 4) .. "CLIENT_RANDOM 1 2\n")
      .. w:block(0x80000001, "any") .. packet("abc", 1e6))
    local info = shell.run("capinfos %s", out)
    assert.matches("Number of decryption secrets in file: 1", info)
    assert.matches("Number of resolved IPv4 addresses in file: 2", info)
  end)

  it("refuses text that does not fit or is not UTF-8, and writes nothing", function()
    local dumper, fits = open(), ("x"):rep(65535)
    local long = out .. ": text of 65536 bytes is longer than the 65535 that an option holds"
    assert.same({ nil, long }, { dumper:dump("abc", 1, 3, { comment = fits .. "x" }) })
    assert.same({ nil, long }, { dumper:comment(fits .. "x") })
    assert.same({ nil, long }, { dumper:add_interface { name = fits .. "x" } })
    for text, byte in pairs { ["\255"] = 1, ["ab\192\128"] = 3, ["\237\160\128"] = 1,
      ["\244\144\128\128"] = 1, ["é\226\130"] = 3, ["a\0b"] = 2 } do
      local problem = (": text is not UTF-8, or has a NUL, at byte %d"):format(byte)
      assert.same({ nil, out .. ": comments" .. problem },
        { dumper:dump("abc", 1, 3, { comment = text }) })
      assert.same({ nil, out .. ": comments" .. problem }, { dumper:comment(text) })
      assert.same({ nil, out .. ": name" .. problem }, { dumper:add_interface { name = text } })
      assert.same({ nil, out .. ": names" .. problem },
        { dumper:add_names { address = "192.0.2.1", names = { text } } })
    end
    assert.is_nil((dumper:add_names { address = "nobody", names = {} }))
    assert.is_nil((dumper:add_names { address = "192.0.2.1", names = { fits } }))
    assert.is_nil((dumper:add_interface { mac = "02:00" }))
    assert.is_nil((dumper:add_interface { addresses = { { address = "x" } } }))
    assert.is_nil((dumper:add_secrets { type = 1, data = ("x"):rep(2 ^ 24) }))
    assert(dumper:dump("abc", 1, 3, { comment = fits }))
    assert.is_true(dumper:close())
    assert_written(HEADER .. packet("abc", 1e6, { options = { { 1, fits } } }))
    assert.same({ nil, out .. ": comments: text is not UTF-8, or has a NUL, at byte 1" },
      { pcap.dumper { file = out, format = "pcapng", section = { comment = "\255" } } })
  end)

  it("refuses a packet that the file cannot hold, and writes nothing", function()
    local dumper = open { snaplen = 10 }
    local header = OF_NAMED .. of_interface(10)
    assert.same({ nil, out .. ": packet of 11 bytes is longer than the 10 that the file can hold" },
      { dumper:dump(("b"):rep(11), 1) })
    assert.same({ nil, out .. ": the interface cannot hold a time of -1 seconds" },
      { dumper:dump("abc", -1) })
    assert.same({ nil, out .. ": the interface cannot hold a time of 18446744073709 seconds" },
      { dumper:dump("abc", 18446744073709) })
    assert.same({ nil, out .. ": there is no interface 2" },
      { dumper:dump("abc", 1, 3, { interface = 2 }) })
    assert.equal(2, dumper:add_interface { linktype = RAW })
    local source = shell.write(folder .. "/in", savefile.header() .. savefile.record("abc"))
    local pkt = pcap.open_offline(source):next_packet():copy()
    assert.same({ nil, out .. ": packet of link type EN10MB does not go to an interface of RAW" },
      { dumper:dump(pkt, { interface = 2 }) })
    pkt.options_start, pkt.options_length = pkt.data, 2 ^ 24
    assert.same({ nil, out .. ": options of 16777216 bytes do not go into a block" },
      { dumper:dump(pkt) })
    local many = {}
    for i = 1, 270 do many[i] = { code = 32768, value = ("x"):rep(60000) } end
    assert.matches("do not go into a block",
      select(2, dumper:dump("abc", 1, 3, { options = many })))
    local message = select(2, dumper:add_interface { linktype = 2 ^ 31 - 1 })
    assert.equal(select(2, pcap.open_dead(2 ^ 31 - 1):dump_open(out .. "2")):gsub("2: ", ": ", 1),
      message)
    assert.is_true(dumper:close())
    assert_written(header .. w:interface(101, 10, { { 9, "\6" } }))
  end)

  it("leaves a file as it was when it cannot be begun", function()
    shell.write(out, "precious")
    for _, opts in ipairs { { linktype = 2 ^ 31 - 1 }, { section = { os = "\255" } },
      { interface = { name = ("x"):rep(65536) } } } do
      opts.file, opts.format = out, "pcapng"
      assert.is_nil((pcap.dumper(opts)))
    end
    assert.equal("precious", shell.read(out))
    assert.is_nil((pcap.dumper { file = out .. "2", format = "pcapng", linktype = 2 ^ 31 - 1 }))
    assert.is_nil(io.open(out .. "2"))
  end)

  it("is what only can take such things: classic pcap has none", function()
    local dumper = assert(pcap.open_dead():dump_open(out))
    for name, what in pairs { add_interface = "interfaces", comment = "comments",
      add_names = "names", add_secrets = "secrets", add_block = "blocks" } do
      local arguments = { comment = { "x" }, add_block = { 99, "x" } }
      assert.same({ nil, out .. ": classic pcap has no " .. what },
        { dumper[name](dumper, unpack(arguments[name] or { {} })) })
    end
    assert.same({ nil, out .. ": classic pcap has no options for packets" },
      { dumper:dump("abc", 1, 3, { comment = "x" }) })
    assert.is_true(dumper:close())
    assert_written(savefile.header())
  end)

  it("refuses misuse by name", function()
    local cap, dumper = pcap.open_dead(), open()
    misuse(function() cap:dump_open(out, { format = "ng" }) end, "bad argument #2 to 'dump_open' "
      .. "(option 'format': \"pcap\" or \"pcapng\" expected, got \"ng\")")
    misuse(function() cap:dump_open(out, { section = {} }) end,
      "bad argument #2 to 'dump_open' (option 'section' needs format = \"pcapng\")")
    misuse(function() cap:dump_open(out, { format = "pcapng", interface = { nam = "x" } }) end,
      "bad argument #2 to 'dump_open' (option 'interface': unknown option 'nam')")
    misuse(function() dumper:dump("abc", 1, 3, { comment = 7 }) end,
      "bad argument #4 to 'dump' (option 'comment': string expected, got 7)")
    misuse(function() dumper:dump("abc", { direction = "up" }) end,
      "bad argument #2 to 'dump' (option 'direction': \"in\" or \"out\" expected, got \"up\")")
    misuse(function() dumper:comment() end,
      "bad argument #1 to 'comment' (string expected, got nil)")
    misuse(function() dumper:add_interface { tsresol = 20 } end, "bad argument #1 to "
      .. "'add_interface' (option 'tsresol': integer from 0 to 19, or from 128 to 191, expected, "
      .. "got 20)")
    misuse(function() dumper:add_names { { address = "192.0.2.1" } } end,
      "bad argument #1 to 'add_names' (item 1: option 'names' is missing)")
    misuse(function() dumper:add_secrets(7) end,
      "bad argument #1 to 'add_secrets' (table expected, got number)")
    misuse(function() dumper:add_block(6, "") end,
      "bad argument #1 to 'add_block' (block type 6 is the dumper's own)")
    for problem, more in pairs {
      ["option 'hash': option 'type' is missing"] = { hash = {} },
      ["option 'verdict': option 'data' is missing"] = { verdict = { type = 1 } },
      ["option 'options': item 1: option 'value' is missing"] = { options = { { code = 1 } } },
      ["option 'options': list of tables expected, got a table with the key 'code'"] =
        { options = { code = 1 } },
      ["option 'comments': item 2: string expected, got nil"] = { comments = { "a", nil, "c" } },
    } do
      misuse(function() dumper:dump("abc", 1, 3, more) end,
        ("bad argument #4 to 'dump' (%s)"):format(problem))
    end
    misuse(function() dumper:add_interface { addresses = { { prefix = 8 } } } end,
      "bad argument #1 to 'add_interface' (option 'addresses': item 1: option 'address' is "
      .. "missing)")
    dumper:close()
    misuse(function() dumper:comment "x" end,
      "calling 'comment' on bad self: pcap dumper has been closed")
    assert_written(HEADER)
  end)

  it("writes to stdout, a pipe and a Lua file, where a comment begins a section", function()
    local output = process.lua [[
      local pcap = require "pcap"
      local dumper = pcap.dumper { file = "-", format = "pcapng", interface = { os = "any" },
        section = { application = "app", os = "os", hardware = "machine" } }
      assert(dumper:comment("x"):dump("abc", 1):close())
    ]]
    local commented = w:section { { 1, "x" }, { 2, "machine" }, { 3, "os" }, { 4, "app" } }
      .. of_interface()
    assert.equal(HEADER .. commented .. packet("abc", 1e6), output)
    local file = assert(io.open(shell.write(out, ("old "):rep(1000)), "r+b"))
    file:write "before "
    assert(open { file = file }:comment("x"):close())
    file:close()
    local expected = "before " .. HEADER .. commented
    assert_written(expected .. ("old "):rep(1000):sub(#expected + 1))
  end)

  it("has the file readable after each flush, also when the program is killed then", function()
    local _, status = process.lua(([[
      local dumper = require("pcap").dumper { file = %q, format = "pcapng" }
      for i = 1, 1000 do
        dumper:dump(("x"):rep(i), i, i, { comment = "packet " .. i, direction = "out",
          dropped = 5 })
      end
      dumper:flush()
      dumper:dump("lost", 1001)
      require("ffi").cdef "int kill(int, int); int getpid(void);"
      local C = require("ffi").C
      C.kill(C.getpid(), 9)
    ]]):format(out))
    assert.equal(137, status)
    local seen = tshark.fields(out, { "frame.number", "frame.time_epoch", "frame.comment",
      "frame.packet_flags", "frame.drop_count" })
    assert.equal(1000, #seen)
    assert.same({ "1000.000000000" }, seen[1000]["frame.time_epoch"])
    assert.same({ "packet", "1000" }, seen[1000]["frame.comment"])
    assert.same({ "0x00000002" }, seen[1000]["frame.packet_flags"])
    assert.same({ "5" }, seen[1000]["frame.drop_count"])
  end)

  it("tells of a full disk as a classic one does", function()
    assert.same({ nil, "/dev/full: No space left on device" },
      { pcap.dumper { file = "/dev/full", format = "pcapng" } })
    local output = process.lua(([[
      local ffi = require "ffi"
      ffi.cdef "int dup2(int, int);"
      local dumper = require("pcap").dumper { file = %q, format = "pcapng" }
      ffi.C.dup2(3, dumper:fileno())
      for i = 1, 100 do dumper:dump(("x"):rep(60000), 1) end
      for _, name in ipairs { "dump", "comment", "flush", "close" } do
        print(select(2, dumper[name](dumper, "x")))
      end
      print(dumper:close())
    ]]):format(out), { redirect = "3>/dev/full" })
    local lines = {}
    for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line end
    for i = 1, 4 do assert.equal(out .. ": No space left on device", lines[i]) end
    assert.equal("true", lines[5])
  end)

  it("writes times that libpcap reads as they were, in every resolution", function()
    local read = reader.libpcap(folder)
    local source = shell.write(folder .. "/in", savefile.header() .. savefile.record("x"))
    local pkt = pcap.open_offline(source):next_packet():copy()
    local jobs, expected = {}, {}
    for resolution, units in pairs { [0] = 1, [3] = 1e3, [6] = 1e6, [9] = 1e9, [11] = 1e11,
      [128] = 1, [138] = 2 ^ 10, [148] = 2 ^ 20, [158] = 2 ^ 30, [162] = 2 ^ 34 } do
      local path = folder .. "/" .. resolution
      local dumper = open { file = path, interface = { os = "any", tsresol = resolution } }
      local lines = { "link type 1, snaplen 65535\n" }
      for i, nsec in ipairs { 0, 1, 1000000, 123456789, 999999999 } do
        -- What a file of this resolution can have: a whole number of units, in nanoseconds.
        pkt.sec = i * 1e7
        pkt.nsec = math.floor(math.floor(nsec / 1e9 * units) * 1e9 / units)
        assert(dumper:dump(pkt))
        lines[#lines + 1] = ("packet %.0f %.0f 1 1 x\n"):format(pkt.sec, pkt.nsec)
      end
      assert(dumper:close())
      lines[#lines + 1] = ("end: closed\n"):rep(3)
      jobs[#jobs + 1] = { path = path, precision = "nano" }
      expected[#expected + 1] = table.concat(lines)
    end
    assert.same(expected, read(jobs))
  end)

  it("has libpcap read all packets of a copy of a classic file", function()
    local parts = { savefile.header { magic = 0xa1b23c4d } }
    for i = 1, 300 do
      parts[#parts + 1] = savefile.record(("%d "):format(i):rep(i % 40), { sec = i * 7e6,
        fraction = i * 3333333, wirelen = i + 1000 })
    end
    local path = shell.write(folder .. "/in", table.concat(parts))
    local cap = assert(pcap.open_offline(path, { precision = "nano" }))
    local dumper = assert(cap:dump_open(out, { format = "pcapng" }))
    for pkt in cap:packets() do assert(dumper:dump(pkt)) end
    assert(dumper:close())
    local texts = reader.libpcap(folder) { { path = path, precision = "nano" },
      { path = out, precision = "nano" } }
    assert.equal(texts[1], texts[2])
  end)
end)
