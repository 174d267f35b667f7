-- Rotation: packets over all files equal the input, by the judgement of the format, of tcpdump and
-- of Wireshark's programs.

local misuse = require "spec.support.misuse"
local net = require "spec.support.net"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local EPOCH = 1700000000 -- 2023-11-14 22:13:20 UTC

describe("A dumper that rotates", function()
  local folder, remove, closed

  before_each(function()
    folder, remove = shell.folder()
    closed = {}
  end)
  after_each(function() remove() end)

  local function on_close(path, stats)
    stats.path = path:sub(#folder + 2)
    closed[#closed + 1] = stats
  end

  local function open(name, rotate, more)
    local opts = { file = folder .. "/" .. name, rotate = rotate }
    for key, value in pairs(more or {}) do
      opts[key] = value
    end
    rotate.on_close = rotate.on_close or on_close
    return pcap.dumper(opts)
  end

  -- Dumps packets of 60 bytes at seconds after EPOCH, and closes.
  local function dump(dumper, times)
    for i, seconds in ipairs(times) do
      assert(dumper:dump(("%060d"):format(i), EPOCH + seconds))
    end
    assert.is_true(dumper:close())
  end

  local function files()
    return (shell.run("ls %s", folder):gsub("\n", " "))
  end

  local function names_of_closed()
    local names = {}
    for i, stats in ipairs(closed) do
      names[i] = stats.path
    end
    return table.concat(names, " ") .. " "
  end

  local function range(from, to)
    local list = {}
    for i = from, to do
      list[#list + 1] = i
    end
    return list
  end

  -- What the files of a classic series hold, without their headers.
  local function bodies()
    local parts = {}
    for _, stats in ipairs(closed) do
      local bytes = shell.read(folder .. "/" .. stats.path)
      assert.equal(savefile.header(), bytes:sub(1, 24))
      parts[#parts + 1] = bytes:sub(25)
    end
    return table.concat(parts)
  end

  local function records(times)
    local parts = {}
    for i, seconds in ipairs(times) do
      parts[i] = savefile.record(("%060d"):format(i), { sec = EPOCH + seconds })
    end
    return table.concat(parts)
  end

  it("begins a file after so many packets", function()
    dump(assert(open("a-%i.pcap", { packets = 4 })), range(1, 10))
    assert.equal("a-1.pcap a-2.pcap a-3.pcap ", files())
    assert.equal(records(range(1, 10)), bodies())
    assert.same({ { path = "a-1.pcap", packets = 4, bytes = 24 + 4 * 76, first = EPOCH + 1,
      last = EPOCH + 4 }, { path = "a-2.pcap", packets = 4, bytes = 24 + 4 * 76, first = EPOCH + 5,
      last = EPOCH + 8 }, { path = "a-3.pcap", packets = 2, bytes = 24 + 2 * 76, first = EPOCH + 9,
      last = EPOCH + 10 } }, closed)
  end)

  it("begins a file before there are more bytes, if one packet alone is not more", function()
    local dumper = assert(open("a-%02i.pcap", { bytes = 24 + 3 * 76 }))
    dump(dumper, range(1, 7))
    assert.equal("a-01.pcap a-02.pcap a-03.pcap ", files())
    assert.equal(24 + 3 * 76, closed[1].bytes)
    assert.equal(24 + 76, closed[3].bytes)
    dumper = assert(open("b-%i.pcap", { bytes = 1 }))
    dump(dumper, range(1, 3))
    assert.equal(6, #closed)
  end)

  it("begins a file at round seconds of the packets' time, and names it after that", function()
    local times = { 0, 399, 400, 500, 999, 1000, 4000, 3999 }
    dump(assert(open("%Y%m%d-%H%M%S.pcap", { seconds = 600, utc = true })), times)
    assert.equal("20231114-221320.pcap 20231114-222000.pcap 20231114-223000.pcap "
      .. "20231114-232000.pcap ", names_of_closed())
    assert.equal(records(times), bodies())
    assert.equal(files(), names_of_closed())
  end)

  it("has local time in names, and the bytes of the name that are no fields", function()
    local code = [[
      local dumper = assert(require("pcap").dumper { file = arg[1] .. "/%%-%y-%H-é%j.pcap",
        rotate = { seconds = 3600 } })
      assert(dumper:dump("abc", 1700000000))
      assert(dumper:close())]]
    local output, status = process.lua(code, { prefix = "TZ=Asia/Kolkata", redirect = folder })
    assert.equal(0, status, output)
    assert.equal("%-23-03-é319.pcap ", files())
  end)

  it("takes the system's clock if told to", function()
    local dumper = assert(open("%Y%m%d.pcap", { seconds = 86400, clock = "wall" }))
    assert.matches("^20[2-9]%d%d%d%d%d.pcap $", files())
    dump(dumper, { 0, 90000, 180000 })
    assert.equal(1, #closed)
    assert.equal(3, closed[1].packets)
  end)

  it("begins no file when the clock goes back, and goes on from there", function()
    local times = { 100, 50, 1e8, 60, 90, 150, 170 }
    dump(assert(open("%i.pcap", { seconds = 100 })), times)
    assert.equal(records(times), bodies())
    local counts = {}
    for i, stats in ipairs(closed) do
      counts[i] = stats.packets
    end
    -- One wrong time in the future gets a file. The next ones stay there until their round time.
    assert.same({ 2, 3, 2 }, counts)
  end)

  it("begins a file when no packet comes, by tick", function()
    local dumper = assert(open("%F-%H%M%S.pcap", { seconds = 100, utc = true }))
    assert.equal(dumper, dumper:tick(EPOCH + 1000)) -- no file has begun
    assert.equal("", files())
    assert(dumper:dump("abc", EPOCH + 10))
    assert.equal(dumper, dumper:tick(EPOCH + 99))
    assert.equal(0, #closed)
    assert.equal(dumper, dumper:tick(EPOCH + 250))
    assert.equal("2023-11-14-221330.pcap 2023-11-14-221640.pcap ", files())
    assert.equal(1, #closed)
    assert.is_true(dumper:close())
    assert.equal(24, closed[2].bytes)
    assert.is_nil(closed[2].first)
  end)

  it("keeps so many files of its own, and deletes no other", function()
    shell.write(folder .. "/a-3.pcap", "precious")
    shell.write(folder .. "/a-0.pcap", "precious")
    local dumper = assert(open("a-%i.pcap", { packets = 1, keep = 2 }))
    assert(dumper:dump("1", 1))
    assert(dumper:dump("2", 2))
    assert.equal("a-0.pcap a-1.pcap a-2.pcap a-3.pcap ", files())
    assert(dumper:dump("3", 3))
    assert.equal("a-0.pcap a-2.pcap a-3.pcap a-4.pcap ", files())
    os.remove(folder .. "/a-2.pcap") -- others delete one, and put another in its place
    assert(dumper:dump("4", 4))
    shell.write(folder .. "/a-4.new", "not ours")
    os.rename(folder .. "/a-4.new", folder .. "/a-4.pcap")
    assert(dumper:dump("5", 5))
    assert.is_true(dumper:close())
    assert.equal("a-0.pcap a-3.pcap a-4.pcap a-5.pcap a-6.pcap ", files())
    assert.equal("precious", shell.read(folder .. "/a-3.pcap"))
    assert.equal("not ours", shell.read(folder .. "/a-4.pcap"))
  end)

  it("does not delete a file that somebody else has written over", function()
    local dumper = open("f%i", { packets = 1, keep = 2 })
    for i = 1, 5 do
      assert(dumper:dump("packet", i))
      if i == 3 then -- the inode stays the same
        shell.run("echo theirs > %s/f2", folder)
      end
    end
    assert.is_true(dumper:close())
    assert.equal("f2 f4 f5 ", files())
    assert.equal("theirs\n", shell.read(folder .. "/f2"))
  end)

  it("tells that others have deleted, moved or replaced the file that is being written", function()
    for _, temporary in ipairs { false, true } do
      for _, command in ipairs { "rm %s", "mv %s away", "echo theirs > away; mv away %s" } do
        closed = {}
        local dumper = assert(open("f%i", { packets = 2, temporary = temporary }))
        local path = folder .. "/f1" .. (temporary and ".part" or "")
        assert(dumper:dump("packet", 1))
        shell.run("cd %s; " .. command, folder, path)
        assert(dumper:dump("packet", 2))
        local message = path .. ": the file has been deleted, moved or replaced"
        assert.same({ nil, message }, { dumper:dump("refused", 3) })
        assert(dumper:dump("packet", 4))
        assert.is_true(dumper:close())
        assert.same({ packets = 0, lost = 2, bytes = 0, message = message,
          path = path:sub(#folder + 2) }, closed[1])
        assert.equal(24 + 22, #shell.read(folder .. "/f2"))
        if command:find "theirs" then
          assert.equal("theirs\n", shell.read(path))
        end
        shell.run("rm -f " .. folder .. "/*")
      end
    end
  end)

  it("follows a link that is there already, if it may replace files", function()
    shell.run("ln -s there %s", folder .. "/f1")
    local dumper = assert(open("f%i", { packets = 1, overwrite = true }))
    assert(dumper:dump("packet", 1))
    assert(dumper:dump("packet", 2))
    assert.is_true(dumper:close())
    assert.is_nil(closed[1].message)
    assert.equal(24 + 22, #shell.read(folder .. "/there"))
  end)

  it("may be closed by on_close", function()
    local dumper
    dumper = open("f%i", { packets = 1, on_close = function(path, stats)
      on_close(path, stats)
      assert.is_true(dumper:close())
    end })
    assert(dumper:dump("packet", 1))
    assert.same({ nil, "on_close has closed the dumper" }, { dumper:dump("packet", 2) })
    assert.equal("f1 f2 ", names_of_closed())
    assert.is_true(dumper:close())
  end)

  it("gives a file its name when it is complete, if asked", function()
    local seen = {}
    local dumper = assert(open("a-%i.pcap", { packets = 1, temporary = true,
      on_close = function() seen[#seen + 1] = files() end }))
    assert.equal("a-1.pcap.part ", files())
    assert(dumper:dump("1", 1))
    assert(dumper:dump("2", 2))
    assert.equal("a-1.pcap a-2.pcap.part ", files())
    shell.write(folder .. "/a-2.pcap", "precious")
    local done, message = dumper:close()
    assert.is_nil(done)
    assert.equal(folder .. "/a-2.pcap: File exists", message)
    assert.equal("precious", shell.read(folder .. "/a-2.pcap"))
    assert.equal("a-1.pcap a-2.pcap a-2.pcap.part ", files())
    assert.same({ "a-1.pcap a-2.pcap.part ", "a-1.pcap a-2.pcap a-2.pcap.part " }, seen)
  end)

  it("replaces files only if asked", function()
    local path = shell.write(folder .. "/2023-11-14-22", "precious")
    local rotate = { seconds = 3600, utc = true }
    local dumper = assert(open("%F-%H", rotate))
    assert.same({ nil, path .. ": File exists. Let the name have %i" },
      { dumper:dump("abc", EPOCH) })
    assert.equal("precious", shell.read(path))
    assert.equal(dumper, dumper:dump("abc", EPOCH + 3600)) -- another name
    assert.is_true(dumper:close())
    rotate.overwrite = true
    dumper = assert(open("%F-%H", rotate))
    assert(dumper:dump("abc", EPOCH))
    assert.is_true(dumper:close())
    assert.equal(24 + 19, #shell.read(path))
  end)

  it("replaces its own files when their names come again, as tcpdump does, if asked", function()
    for _, temporary in ipairs { false, true } do
      closed = {}
      local dumper = assert(open("%H", { seconds = 3600, utc = true, overwrite = true,
        temporary = temporary }))
      for hour = 0, 30 do
        assert(dumper:dump(("%060d"):format(hour), EPOCH + hour * 3600))
      end
      -- The clock goes back: what was written in these hours stays.
      assert(dumper:dump("in the present file", EPOCH + 24 * 3600))
      assert.same({ nil, folder .. "/23: File exists. Let the name have %i" },
        { dumper:dump("refused", EPOCH + 25 * 3600) })
      assert.is_true(dumper:close())
      assert.equal(31, #closed)
      assert.equal(2, closed[31].packets)
      for hour = 7, 29 do
        assert.equal(savefile.header() .. savefile.record(("%060d"):format(hour),
          { sec = EPOCH + hour * 3600 }), shell.read(("%s/%02d"):format(folder, (22 + hour) % 24)))
      end
    end
  end)

  it("takes the room that on_close leaves", function()
    local dumper
    local function more(count)
      return function(path, stats)
        on_close(path, stats)
        for i = 1, #closed < 4 and count or 0 do
          assert(dumper:dump("more", EPOCH + i))
        end
      end
    end
    dumper = assert(open("%i", { packets = 3, on_close = more(2) }))
    for i = 1, 12 do
      assert(dumper:dump("packet", EPOCH + i))
    end
    assert.is_true(dumper:close())
    local sum = 0
    for _, stats in ipairs(closed) do
      assert.is_true(stats.packets <= 3)
      assert.equal(24 + stats.packets * 22 - 2 * select(2, shell.read(folder .. "/" .. stats.path)
        :gsub("more", "")), stats.bytes)
      sum = sum + stats.packets
    end
    assert.equal(12 + 6, sum)
    closed = {}
    shell.run("rm -f " .. folder .. "/*")
    dumper = assert(open("%i", { packets = 1, on_close = function(path, stats)
      on_close(path, stats)
      assert(#closed < 100)
      dumper:dump("more", EPOCH)
    end }))
    assert(dumper:dump("packet", EPOCH))
    assert.same({ nil, "on_close fills each file that begins" }, { dumper:dump("packet", EPOCH) })
    for _, stats in ipairs(closed) do
      assert.equal(1, stats.packets)
    end
  end)

  it("loses no packet silently when the next file cannot be opened", function()
    local dumper, message = open("sub/%i.pcap", { packets = 2 })
    assert.is_nil(dumper)
    assert.equal(folder .. "/sub/1.pcap: No such file or directory", message)
    shell.run("mkdir %s", folder .. "/sub")
    dumper = assert(open("sub/%i.pcap", { packets = 2 }))
    assert(dumper:dump("a", 1))
    assert(dumper:dump("b", 2))
    os.rename(folder .. "/sub", folder .. "/away")
    for _ = 1, 2 do
      assert.same({ nil, folder .. "/sub/2.pcap: No such file or directory" },
        { dumper:dump("c", 3) })
    end
    os.rename(folder .. "/away", folder .. "/sub")
    assert(dumper:dump("c", 3))
    assert.is_true(dumper:close())
    assert.equal(savefile.header() .. savefile.record("a", { sec = 1 })
      .. savefile.record("b", { sec = 2 }), shell.read(folder .. "/sub/1.pcap"))
    assert.equal(savefile.header() .. savefile.record("c", { sec = 3 }),
      shell.read(folder .. "/sub/2.pcap"))
  end)

  -- Runs with a small disk at the folder, which takes some 490 packets of 1000 bytes.
  local function on_small_disk(run)
    if not net.require_privilege(pending) then return end
    shell.needs_linux "tmpfs"
    shell.run("mount -t tmpfs -o size=512k spec %s", folder)
    finally(function() shell.run("umount -l %s", folder) end)
    run()
  end

  -- Bytes that do not compress.
  local noise = shell.run("head -c 1000000 /dev/urandom")

  local function packet(number)
    return noise:sub(number % 990 * 1000 + 1, number % 990 * 1000 + 1000)
  end

  -- Dumps until so many packets were refused. Returns how many were accepted.
  local function fill(dumper, limit)
    local accepted, refused = 0, 0
    repeat
      local done, message = dumper:dump(packet(accepted), accepted)
      if done then
        accepted = accepted + 1
      else
        refused = refused + 1
        assert.matches("No space left on device$", message)
        assert.equal(folder, message:sub(1, #folder))
      end
    until refused == limit
    return accepted
  end

  -- How many whole packets tcpdump finds in a file. zstd unpacks gzip too: where a file is cut off,
  -- gzip now and then keeps back the last byte that can be had.
  local function judged(path, is_packed)
    local text = shell.try(("%s < %s 2>/dev/null | tcpdump -tnr - 'len > 0' 2>/dev/null"
      .. " | grep -vc '^\t'"):format(is_packed and "zstd -dcq" or "cat",
      shell.quote(folder .. "/" .. path)))
    return tonumber(text)
  end

  it("goes on after a disk was full", function()
    on_small_disk(function()
      local dumper = assert(open("%i.pcap", { packets = 100 }))
      assert.is_true(fill(dumper, 3) > 300)
      for i = 1, #closed - 1 do -- complete ones are whole
        assert.equal(100, closed[i].packets)
        assert.is_nil(closed[i].message)
      end
      os.remove(folder .. "/1.pcap")
      os.remove(folder .. "/2.pcap")
      local before = #closed
      for i = 1, 150 do
        assert(dumper:dump(packet(i), 5000 + i))
      end
      assert.is_true(dumper:close())
      local after = 0
      for i = before + 1, #closed do
        after = after + (closed[i].message and 0 or closed[i].packets)
      end
      assert.equal(150, after)
    end)
  end)

  it("tells how many packets are whole in a file where the disk was full, and how many are not",
  function()
    shell.needs("tcpdump", "zstd")
    on_small_disk(function()
      for _, more in ipairs { {}, { format = "pcapng" }, { thread = true, limit = 2 ^ 20 },
        { compress = "gzip" }, { compress = "zstd", thread = true, limit = 2 ^ 20 } } do
        closed = {}
        local dumper = assert(open("%i", { packets = 400 }, more))
        local accepted = more.thread and 0 or fill(dumper, 2)
        while more.thread do -- what is refused comes later
          if not dumper:dump(packet(accepted), accepted) then break end
          accepted = accepted + 1
          dumper:flush()
        end
        dumper:close()
        local packets, lost = 0, 0
        for _, stats in ipairs(closed) do
          assert.equal(stats.message ~= nil, stats.lost ~= nil)
          packets, lost = packets + stats.packets, lost + (stats.lost or 0)
          assert.equal(judged(stats.path, more.compress), stats.packets)
          if stats.lost then
            assert.equal(stats.packets - 1, stats.last - stats.first)
          end
        end
        assert.equal(accepted, packets + lost)
        assert.is_true(lost > 0 and packets > 200)
        shell.run("rm -f " .. folder .. "/*")
      end
    end)
  end)

  it("leaves complete files whole and the others .part when it is killed, and goes on", function()
    shell.needs("timeout", "capinfos")
    for run = 1, 2 do
      for _, more in ipairs { "", "format = 'pcapng', thread = true, " } do
        shell.try("timeout -s KILL 0.5 luajit -e %s", ([[
          local ffi = require "ffi"
          ffi.cdef "int usleep(unsigned int);"
          local dumper = assert(require("pcap").dumper { file = %q .. "/%%i", %s
            rotate = { packets = 300, temporary = true } })
          for i = 1, math.huge do
            assert(dumper:dump(("x"):rep(300), i))
            if i %% 200 == 0 then ffi.C.usleep(1000) end
          end
        ]]):format(folder, more))
      end
      local parts = shell.run("ls " .. folder .. "/*.part | wc -l")
      local complete = shell.run("cd %s && ls | grep -v part | wc -l", folder)
      local told = shell.run("cd %s && ls | grep -v part | xargs capinfos -Mc", folder)
      assert.equal(tonumber(complete), select(2, told:gsub("Number of packets:%s+300\n", "")))
      assert.is_true(tonumber(complete) > 2 * run)
      assert.is_true(tonumber(parts) >= run and tonumber(parts) <= 4 * run, parts)
    end
  end)

  it("passes on an error that on_close raises, with the next file open", function()
    local dumper = assert(open("%i.pcap", { packets = 1, on_close = function() error "mine" end }))
    assert(dumper:dump("a", 1))
    assert.error_matches(function() dumper:dump("b", 2) end, "mine")
    assert(dumper:dump("b", 2))
    assert.error_matches(function() dumper:close() end, "mine")
    assert.is_true(dumper:close())
    assert.equal("1.pcap 2.pcap ", files())
    assert.equal(24 + 17, #shell.read(folder .. "/2.pcap"))
  end)

  local function packs(program)
    dump(assert(open("%i.packed", { packets = 4 }, { compress = program })), range(1, 10))
    assert.equal(savefile.header() .. records(range(1, 10)):sub(8 * 76 + 1),
      shell.run(program .. " -dc < %s/3.packed", folder))
    assert.equal(closed[3].bytes, #shell.read(folder .. "/3.packed"))
  end

  it("packs each file with gzip", function()
    shell.needs_zlib()
    packs "gzip"
  end)

  it("packs each file with zstd", function()
    shell.needs_zstd()
    packs "zstd"
  end)

  it("tells about the present file, and hands it to the system", function()
    local dumper = assert(open("%F.pcap", { seconds = 86400, utc = true }))
    assert.equal(0, dumper:tell())
    assert.is_nil(dumper:fileno())
    assert.equal(dumper, dumper:flush())
    assert.equal(("pcap dumper (%s/%%F.pcap)"):format(folder), tostring(dumper))
    assert(dumper:dump("abc", EPOCH))
    assert.equal(24 + 19, dumper:tell())
    assert.is_number(dumper:fileno())
    assert.equal(dumper, dumper:flush())
    assert.equal(24 + 19, #shell.read(folder .. "/2023-11-14.pcap"))
    assert.equal(("pcap dumper (%s/2023-11-14.pcap)"):format(folder), tostring(dumper))
    assert.same({ nil, folder .. "/2023-11-14.pcap: packet of 70000 bytes is longer than the "
      .. "65535 that the file can hold" }, { dumper:dump(("x"):rep(70000), EPOCH) })
    assert.is_true(dumper:close())
    assert.equal(1, closed[1].packets)
    misuse(function() local _ = dumper:tick() end,
      "calling 'tick' on bad self: pcap dumper has been closed")
  end)

  it("gives each pcapng file the interfaces, names and secrets, under the same numbers", function()
    local dumper = assert(open("%i.pcapng", { packets = 2 }, { format = "pcapng",
      section = { comment = "of all" }, interface = { name = "eth0" } }))
    local second = assert(dumper:add_interface { name = "tun0", linktype = pcap.DLT.RAW })
    assert(dumper:comment "of the first")
    assert(dumper:add_names { address = "192.0.2.1", names = { "example.org" } })
    for i = 1, 5 do
      assert(dumper:dump(("%060d"):format(i), i, 60, { comment = "number " .. i }))
      assert(dumper:dump("\69" .. ("\0"):rep(19), i, 20, { interface = second }))
    end
    assert.is_true(dumper:close())
    assert.equal(5, #closed)
    for i = 1, 5 do
      local cap = assert(pcap.open_offline(folder .. "/" .. closed[i].path))
      local pkt = cap:next_packet()
      assert.equal("number " .. i, pkt:comment())
      assert.equal(1, pkt.interface)
      assert.equal(2, cap:next_packet().interface)
      assert.equal("tun0", cap:interfaces()[2].name)
      assert.equal("192.0.2.1", cap:names()[1].address)
      assert.same(i == 1 and { "of all", "of the first" } or { "of all" }, cap:section().comments)
      assert.is_nil(cap:next_packet())
      cap:close()
      assert.matches("tun0", shell.run("capinfos %s/%s", folder, closed[i].path))
    end
  end)

  it("goes on when its capture is gone, with what that knew", function()
    local cap = assert(pcap.open_dead(pcap.DLT.RAW))
    assert(cap:set_filter "ip")
    local dumper = assert(cap:dump_open(folder .. "/%s-%i", { format = "pcapng",
      rotate = { packets = 1 } }))
    cap = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    for i = 1, 3 do
      assert(dumper:dump("\69abc", i))
    end
    assert.is_true(dumper:close())
    for i = 1, 3 do
      local copy = assert(pcap.open_offline(("%s/%d-%d"):format(folder, i, i)))
      assert.equal(pcap.DLT.RAW, copy:datalink())
      assert.equal("ip", copy:interfaces()[1].filter)
    end
  end)

  it("copies a pcapng file over several, as Wireshark's programs judge it", function()
    local w = pcapng_file.writer(false)
    local parts = { w:section(), w:interface(1, 65535), w:interface(1, 65535) }
    for i = 1, 50 do
      parts[#parts + 1] = w:packet(("%060d"):format(i), { high = 0x50000, low = i * 1000,
        interface = i % 2 })
      if i == 20 then
        parts[#parts + 1] = w:interface(1, 65535)
      end
    end
    local path = shell.write(folder .. "/in", table.concat(parts))
    local cap = assert(pcap.open_offline(path))
    local dumper = assert(cap:dump_open(folder .. "/%i.pcapng", { format = "pcapng",
      rotate = { packets = 15, on_close = on_close } }))
    for pkt in cap:packets() do
      assert(dumper:dump(pkt))
    end
    assert.is_true(dumper:close())
    assert.equal("1.pcapng 2.pcapng 3.pcapng 4.pcapng ", names_of_closed())
    shell.run("cd %s && mergecap -a -F pcap -w out 1.pcapng 2.pcapng 3.pcapng 4.pcapng", folder)
    shell.run("cd %s && mergecap -a -F pcap -w in.pcap in", folder)
    assert.equal(shell.read(folder .. "/in.pcap"), shell.read(folder .. "/out"))
    assert.equal("50\n", shell.run("tcpdump -r %s/out --count 2>/dev/null | cut -d' ' -f1", folder))
    for _, stats in ipairs(closed) do
      local list = assert(pcap.open_offline(folder .. "/" .. stats.path))
      repeat until not list:next()
      assert.equal(stats.path == "1.pcapng" and 2 or 3, #list:interfaces())
    end
  end)

  it("loses nothing of real traffic", function()
    local paths = savefile.real()
    if #paths == 0 then
      return pending "needs real captures in PCAP_CAPTURES"
    end
    for i, path in ipairs { paths[1], paths[math.ceil(#paths / 2)], paths[#paths] } do
      closed = {}
      local cap = assert(pcap.open_offline(path, { precision = "nano" }))
      local dumper = assert(cap:dump_open(("%s/%d-%%04i.pcap"):format(folder, i),
        { rotate = { bytes = 20000, seconds = 10, on_close = on_close } }))
      for pkt in cap:packets() do
        assert(dumper:dump(pkt))
      end
      assert.is_true(dumper:close())
      local whole = assert(cap.dump_open(assert(pcap.open_offline(path, { precision = "nano" })),
        folder .. "/whole"))
      for pkt in assert(pcap.open_offline(path, { precision = "nano" })):packets() do
        assert(whole:dump(pkt))
      end
      assert.is_true(whole:close())
      local parts = { shell.read(folder .. "/whole"):sub(1, 24) }
      for _, stats in ipairs(closed) do
        parts[#parts + 1] = shell.read(folder .. "/" .. stats.path):sub(25)
        assert.is_true(stats.bytes <= 20000 or stats.packets == 1)
      end
      assert.equal(shell.read(folder .. "/whole"), table.concat(parts))
    end
  end)

  it("makes no garbage for each packet", function()
    local path = shell.write(folder .. "/in", savefile.header()
      .. (savefile.record(("x"):rep(60), { sec = EPOCH })):rep(20000))
    local code = [[
      local pcap = require "pcap"
      local cap = assert(pcap.open_offline(arg[1]))
      local dumper = cap:dump_open(arg[1] .. "-%i", { rotate = { packets = 7000, seconds = 60 } })
      collectgarbage() collectgarbage "stop"
      local before = collectgarbage "count"
      for pkt in cap:packets() do
        assert(dumper:dump(pkt))
      end
      print(collectgarbage "count" - before)
      dumper:close()]]
    local output = process.lua(code, { redirect = path })
    assert.is_true(tonumber(output) < 1000, output) -- kilobytes; the traces among them
  end)

  it("refuses names that repeat when local time goes back", function()
    local code = [[
      for _, case in ipairs { { "%Y%m%d-%H%M" }, { "%Y%m%d-%H%M", true }, { "%Y%m%d-%H%M%z" },
        { "%s" }, { "%i-%H" }, { "%F", false, 86400 } } do
        print((select(2, pcall(require("pcap").dumper, { file = arg[1] .. "/" .. case[1],
          rotate = { seconds = case[3] or 600, utc = case[2], overwrite = true } }))))
      end]]
    local output = process.lua(code, { prefix = "TZ=Europe/Berlin", redirect = folder })
    local problem, rest = output:match "^(.-)\n(.*)"
    -- The last Sunday of October.
    local year, month, day = problem:match "would repeat on (%d+)%-(%d+)%-(%d+), when local time"
    assert.is_true(month == "10" and tonumber(day) > 24, problem)
    assert.equal(1, os.date("*t", os.time { year = year, month = month, day = day }).wday)
    assert.matches("the name needs %%i or %%z, or 'utc'", problem)
    assert.same({ "", 5 }, { rest:gsub("pcap dumper %b()\n", "") })
  end)

  it("refuses misuse by name", function()
    local function refused(name, rotate, problem, more)
      local opts = { file = name, rotate = rotate }
      for key, value in pairs(more or {}) do
        opts[key] = value
      end
      misuse(function() local _ = pcap.dumper(opts) end,
        "bad argument #1 to 'dumper' (" .. problem .. ")")
    end
    refused("a-%i", {}, "option 'rotate' needs 'bytes', 'seconds' or 'packets'")
    refused("-", { packets = 1 }, "option 'rotate' needs a path")
    refused("a", { packets = 1 }, "several files may come in a second: the name needs %i")
    refused("a-%H", { bytes = 1 }, "several files may come in a second: the name needs %i")
    for name, seconds in pairs { a = 1, ["a-%H"] = 60, ["a-%d"] = 3600, ["a-%%H"] = 3600 } do
      refused(name, { seconds = seconds }, ("files of %d seconds would have the same name: "
        .. "it needs %%i, or finer fields of the time"):format(seconds))
    end
    for name, text in pairs { ["a-%I-%F"] = "half a day", ["a-%H"] = "a day",
      ["a-%a-%H"] = "a week", ["a-%d-%H"] = "a month", ["a-%m-%d-%H"] = "a year" } do
      refused(name, { seconds = 3600 }, ("names would repeat after %s: the name "
        .. "needs %%i, or more fields of the time, or 'overwrite'"):format(text))
    end
    refused("a-%i-%q", { packets = 1 }, '"%q" is no field of a name')
    refused("a-%i%", { packets = 1 }, '"%" is no field of a name')
    refused("a-%i", { packets = 1, keep = 0 }, "option 'rotate': option 'keep': integer from 1 to "
      .. "2147483648 expected, got 0")
    refused("a-%i", { packets = 1, size = 2 }, "option 'rotate': unknown option 'size'")
    refused("a-%i", { packets = 1, clock = "x" },
      "option 'rotate': option 'clock': \"packet\" or \"wall\" expected, got \"x\"")
    refused("a-%i", { packets = 1 }, "option 'append' does not go with 'rotate'", { append = true })
    misuse(function() local _ = pcap.open_dead():dump_open("x", { rotate = { packets = 1 } }) end,
      "bad argument #2 to 'dump_open' (several files may come in a second: the name needs %i)")
  end)
end)
