local command = require "spec.support.command"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local BIG = require("ffi").abi "be"
local w, other = pcapng_file.writer(BIG), pcapng_file.writer(not BIG)

-- Copies a file as a user does.
local function copy(from, to, opts)
  local cap = assert(pcap.open_offline(from, { precision = "nano" }))
  local options = { format = "pcapng" }
  for key, value in pairs(opts or {}) do
    options[key] = value
  end
  local dumper = assert(cap:dump_open(to, options))
  for pkt in cap:packets() do
    assert(dumper:dump(pkt))
  end
  assert.equal("closed", cap:ending())
  assert(dumper:close())
end

describe("A copy of a pcapng file", function()
  local folder, remove, from, to

  before_each(function()
    folder, remove = shell.folder()
    from, to = folder .. "/from", folder .. "/to"
  end)
  after_each(function() remove() end)

  local function assert_same()
    copy(from, to)
    shell.run("cmp %s %s", from, to)
  end

  -- A file with all that a dumper takes along: two sections, whose interfaces differ in all.
  local function whole(writer, linktype)
    local parts = {}
    for section = 1, 2 do
      parts[#parts + 1] = writer:section { { 1, "section " .. section }, { 4, "spec" },
          { 2988, writer:word(32473, 4) .. "text" } }
        .. writer:interface(1, 100, { { 2, "eth0" }, { 8, writer:word(1e9, 8) } })
        .. writer:block(10, writer:word(0x544c534b, 4) .. writer:word(6, 4) .. "secret")
        .. writer:packet("first", { high = 400000, low = section, options = { { 1, "comment" },
          { 2, writer:word(1, 4) }, { 4, writer:word(7, 8) }, { 5, writer:word(2 ^ 40, 8) },
          { 6, writer:word(3, 4) }, { 7, "\1" .. writer:word(2, 8) }, { 7, "\0" .. "abc" },
          { 2989, writer:word(32473, 4) .. "bytes" }, { 40000, "local" } } })
        .. writer:interface(linktype, 200, { { 9, "\9" }, { 11, "\0tcp" }, { 13, "\4" } })
        .. writer:packet("\69second", { interface = 1, high = 400000000, low = section })
        .. writer:block(4, writer:word(1, 2) .. writer:word(8, 2) .. "\127\0\0\1one\0"
          .. ("\0"):rep(4))
        .. writer:packet("third", { high = 400000, low = 10, wirelen = 99 })
        .. writer:block(5, writer:word(1, 4) .. writer:word(400000, 4) .. writer:word(5, 4)
          .. writer:options { { 2, writer:word(400000, 4) .. writer:word(1, 4) },
            { 4, writer:word(10, 8) }, { 5, writer:word(2, 8) } })
    end
    return table.concat(parts)
  end

  it("is the same, byte for byte, with all blocks in their places", function()
    shell.write(from, whole(w, 101))
    assert_same()
  end)

  it("has the other byte order's numbers in this machine's", function()
    shell.write(from, whole(other, 101))
    copy(from, to)
    assert.is_true(shell.read(to) == whole(w, 101))
  end)

  it("keeps simple packets, of either byte order, cut or not", function()
    for _, offset in ipairs { 0, 86400 } do
      local function with_simple(writer)
        return writer:section() .. writer:interface(1, 8, { { 14, writer:word(offset, 8) } })
          .. writer:simple "short" .. writer:simple("cut off", 99) .. writer:simple ""
          .. writer:interface(101, 8) .. writer:simple "again" .. writer:packet("timed", { low = 7,
            high = 400000 }) .. writer:simple("12345678", 9)
      end
      -- Of the seven bytes and one of padding, eight are the packet: its length says 99.
      shell.write(from, with_simple(w))
      assert_same()
      shell.write(from, with_simple(other))
      copy(from, to)
      assert.is_true(shell.read(to) == with_simple(w))
    end
  end)

  it("keeps link types that nothing here knows, and statistics of no interface", function()
    shell.write(from, w:section() .. w:interface(12345, 8) .. w:packet "one"
      .. w:block(5, w:word(7, 4) .. ("\0"):rep(8)) .. w:interface(54321, 8)
      .. w:packet("two", { interface = 1 }))
    assert_same()
  end)

  it("leaves out an interface's wrong options, and has the packets after it", function()
    shell.write(from, w:section() .. w:interface(1, 100) .. w:packet "one"
      .. w:interface(101, 100, { { 9, "\36" } }) .. w:interface(1, 100)
      .. w:packet("two", { interface = 1 }) .. w:packet("three", { interface = 2 }))
    local cap = assert(pcap.open_offline(from))
    local dumper = assert(cap:dump_open(to, { format = "pcapng" }))
    local endings = {}
    for i = 1, 2 do
      for pkt in cap:packets() do assert(dumper:dump(pkt)) end
      endings[i] = cap:ending()
    end
    assert.matches("if_tsresol option resolution 10%^%-36 is too high", endings[1])
    assert.equal("closed", endings[2])
    assert(dumper:close())
    assert.equal("1\n7\n1\n",
      shell.run("tshark -r %s -T fields -e frame.encap_type 2>/dev/null", to))
  end)

  it("has no packet whose time it cannot hold exactly", function()
    for _, offset in ipairs { 2 ^ 53, -2 ^ 53, 2 ^ 61 } do
      shell.write(from, w:section() .. w:interface(1, 100, { { 14, w:word(offset, 8) } })
        .. w:packet("one", { low = 1 }) .. w:simple "two")
      local cap = assert(pcap.open_offline(from))
      local dumper = assert(cap:dump_open(to, { format = "pcapng" }))
      for pkt in cap:packets() do
        assert.matches("the interface cannot hold a time", select(2, dumper:dump(pkt)))
      end
      assert(dumper:close())
    end
  end)

  it("makes an enhanced packet of a simple one that would not be the same", function()
    shell.write(from, w:section() .. w:interface(1, 8) .. w:simple "one")
    local cap = assert(pcap.open_offline(from))
    local pkt = assert(cap:next_packet()):copy()
    local other_time = pkt:copy()
    other_time.sec = 5
    local dumper = assert(pcap.dumper { file = to, format = "pcapng" })
    assert(dumper:dump(pkt, { comment = "told" }))
    assert(dumper:dump(other_time))
    local second = assert(dumper:add_interface {})
    assert(dumper:dump(pkt, { interface = second }))
    assert(dumper:dump(pkt))
    assert(dumper:close())
    local list = {}
    for it in assert(pcap.open_offline(to)):packets() do
      table.insert(list, { it:bytes(), it.sec, it.interface, it:comment() })
    end
    assert.same({ { "one", 0, 1, "told" }, { "one", 5, 1 }, { "one", 0, 2 }, { "one", 0, 1 } },
      list)
    local block = w:simple "one"
    assert.equal(block, shell.read(to):sub(-#block))
  end)

  it("is the same for a file that we wrote", function()
    local dumper = assert(pcap.dumper { file = from, format = "pcapng",
      section = { comment = "ours" }, interface = { name = "eth0", tsresol = 148 } })
    dumper:add_names { address = "192.0.2.1", names = { "example.org" } }
    for i = 1, 200 do
      dumper:dump(("x"):rep(i), i * 1e6 + 0.123456, i, i % 3 == 0 and { comment = "c" .. i } or nil)
    end
    dumper:comment("next"):add_secrets { type = 1, data = "key" }
    dumper:dump("raw", 1, 3, { interface = dumper:add_interface { linktype = pcap.DLT.RAW } })
    assert(dumper:close())
    assert_same()
  end)

  it("is the same for the files of dumpcap, mergecap and editcap", function()
    local packets = {}
    for i = 1, 100 do
      packets[i] = savefile.record(("x"):rep(i), { sec = 1700000000 + i, fraction = i * 7919 })
    end
    local one = shell.write(folder .. "/1.pcap", savefile.header() .. table.concat(packets))
    local two = shell.write(folder .. "/2.pcap",
      savefile.header { linktype = 101 } .. table.concat(packets))
    shell.run("dumpcap -q -i - -w %s --capture-comment hello < %s", from, one)
    assert_same()
    shell.run("mergecap -F pcapng -w %s %s %s", from, one, two)
    assert_same()
    local secrets = shell.write(folder .. "/keys", "CLIENT_RANDOM 1 2\n")
    shell.run("editcap -a 1:hello --inject-secrets tls,%s %s %s.2", secrets, from, from)
    shell.run("mv %s.2 %s", from, from)
    assert_same()
  end)

  it("has the blocks from where its dumper was opened on, and the section's before them", function()
    shell.write(from, whole(w, 101))
    local cap = assert(pcap.open_offline(from, { precision = "nano" }))
    for _ = 1, 4 do assert(cap:next()) end -- the second section has begun
    local dumper = assert(cap:dump_open(to, { format = "pcapng" }))
    for pkt in cap:packets() do assert(dumper:dump(pkt)) end
    assert(dumper:close())
    local section = whole(w, 101)
    section = section:sub(#section / 2 + 1)
    local first = section:find("first", 1, true) - 28 -- its block is missing
    local length = section:byte(first + 4) + section:byte(first + 5) * 256
    assert.is_true(shell.read(to) == section:sub(1, first - 1) .. section:sub(first + length))
  end)

  it("goes into two dumpers, of which one is closed early", function()
    shell.write(from, whole(w, 101))
    local cap = assert(pcap.open_offline(from, { precision = "nano" }))
    local dumper = assert(cap:dump_open(to, { format = "pcapng" }))
    local early = assert(cap:dump_open(to .. ".early", { format = "pcapng" }))
    for pkt in cap:packets() do
      assert(dumper:dump(pkt))
      early:close()
    end
    assert(dumper:close())
    shell.run("cmp %s %s", from, to)
  end)

  it("by `pcap copy` and the example has unknown blocks if that is asked", function()
    local text = whole(w, 101)
    local third = text:find("third", 1, true) - 29
    local header, second = text:byte(BIG and 8 or 5), #text / 2 -- a header's length
    -- One in each place that matters: before packets, at a section's end and beginning, at the end.
    local parts, at = {}, 1
    for number, place in ipairs { header, third, second, second + header, #text } do
      parts[number] = text:sub(at, place) .. w:block(3000 + number, ("x"):rep(4 * number - 4))
      at = place + 1
    end
    shell.write(from, table.concat(parts))
    command.run("copy %s %s.pcapng 2>/dev/null", from, to)
    assert.is_true(shell.read(to .. ".pcapng") == text)
    command.run("copy --blocks %s %s.pcapng 2>/dev/null", from, to)
    assert.is_true(shell.read(to .. ".pcapng") == shell.read(from))
    shell.run("luajit examples/copy.lua %s %s.pcapng", from, to)
    assert.is_true(shell.read(to .. ".pcapng") == text)
    shell.run("luajit examples/copy.lua --blocks %s %s.pcapng", from, to)
    assert.is_true(shell.read(to .. ".pcapng") == shell.read(from))
  end)

  it("has the section and the interface that the caller wants", function()
    shell.write(from, whole(w, 101))
    copy(from, to, { section = { comment = "mine" }, interface = { name = "mine" } })
    local text = shell.read(to)
    assert.equal(2, select(2, text:gsub("mine", "")))
    assert.falsy(text:find("section 1", 1, true))
    assert.truthy(text:find("section 2", 1, true))
    assert.equal("1\n7\n1\n1\n7\n1\n",
      shell.run("tshark -r %s -T fields -e frame.encap_type 2>/dev/null", to))
  end)
end)
