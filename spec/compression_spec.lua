local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local shim = require "pcap.core.shim"

local folder, remove_folder, bytes, path

-- All that a capture gives: its packets, each as one string, and how it ended.
local function contents(cap, message)
  local list = {}
  for pkt in assert(cap, message):packets() do
    list[#list + 1] = ("%.0f.%09.0f %d %s"):format(pkt.sec, pkt.nsec, pkt.wirelen, pkt:bytes())
  end
  return list, cap:ending()
end

-- Pseudo-random bytes, the same each time, which do not compress.
local function noise(size, seed)
  local list, state = {}, seed
  for i = 1, size do
    state = (state * 16807) % 2147483647
    list[i] = string.char(state % 256)
  end
  return table.concat(list)
end

-- `file` is what the library's name begins with, `package` is Debian's.
local COMPRESSIONS = {
  { name = "gzip", ending = ".gz", needs = shell.needs_zlib, library = "zlib", file = "libz.",
    package = "zlib1g", damage = "incorrect data check" },
  { name = "zstd", ending = ".zst", needs = shell.needs_zstd, library = "libzstd",
    file = "libzstd.", package = "libzstd1", damage = "Restored data doesn't match checksum" },
}

local function packed_with(compression)
  local program, packed = compression.name, nil

  setup(function()
    folder, remove_folder = shell.folder()
    local records = { savefile.header() }
    for i = 1, 400 do
      records[i + 1] = savefile.record(noise(i * 7 % 1500, i), { sec = i, fraction = i * 13 })
    end
    bytes = table.concat(records)
    path = shell.write(folder .. "/f.pcap", bytes)
    packed = path .. compression.ending
  end)
  teardown(function() remove_folder() end)
  before_each(function()
    compression.needs()
    shell.run(program .. " -c < %s > %s", path, packed)
  end)

  it("opens as it is", function()
    local plain, ending = contents(pcap.open_offline(path))
    local unpacked, ending_too = contents(pcap.open_offline(packed))
    assert.equal(400, #unpacked)
    assert.same(plain, unpacked)
    assert.same({ "closed", "closed" }, { ending, ending_too })
  end)

  it("gives what the plain file gives, for every real capture at hand, pcapng too", function()
    local paths = savefile.real()
    if #paths == 0 then return pending("needs real captures in PCAP_CAPTURES") end
    local name = folder .. "/real" .. compression.ending
    for _, real in ipairs(paths) do
      shell.run(program .. " -1 -c < %s > %s", real, name)
      local plain, why_not = pcap.open_offline(real, { precision = "nano" })
      local unpacked, why_not_too = pcap.open_offline(name, { precision = "nano" })
      if plain then
        assert.same({ contents(plain) }, { contents(unpacked, why_not_too) })
        assert.equal(plain:datalink(), unpacked:datalink())
      else
        assert.equal(why_not:gsub("^.-: ", ""), (why_not_too:gsub("^.-: ", "")))
      end
    end
  end)

  it("is read from a pipe, a descriptor's file and standard input", function()
    local plain = contents(pcap.open_offline(path))
    local pipe = io.popen("echo line; cat " .. packed)
    assert.equal("line", pipe:read "*l")
    assert.same(plain, (contents(pcap.open_offline(pipe))))
    pipe:close()
    local file = assert(io.open(packed, "rb"))
    assert.same(plain, (contents(pcap.open_offline(file))))
    file:close()
    local count = [[
      local count = 0
      for _ in assert(require("pcap").open_offline "-"):packets() do count = count + 1 end
      print(count)
    ]]
    assert.equal("400\n", process.lua(count, { redirect = "< " .. packed }))
    assert.equal("400\n", process.lua(count, { prefix = "cat " .. packed .. " |" }))
  end)

  it("gives all packets that have come through a pipe, before more comes", function()
    -- The last block does not go into the window of 128 KB beside what is there already.
    local head, record = savefile.header(), savefile.record(("\0"):rep(1500 - 16))
    local first = shell.write(folder .. "/head", head .. record:rep(1398))
    shell.run("{ head -c 24 %s; tail -c +25 %s; } | " .. program .. " -1 -c > %s", first, first,
      packed)
    local size = #shell.read(packed)
    -- All but the checksum.
    local command = "head -c %d %s; sleep 1"
    local pipe = io.popen(command:format(size - (program == "gzip" and 8 or 4), packed))
    local cap = assert(pcap.open_offline(pipe))
    local count = 0
    for _ in cap:packets(1398) do count = count + 1 end
    assert.equal(1398, count)
    cap:close()
    pipe:close()
  end)

  it("may be of several members", function()
    shell.run("{ head -c 1000 %s | " .. program .. " -c; tail -c +1001 %s | " .. program
      .. " -c; } > %s", path, path, packed)
    local list, ending = contents(pcap.open_offline(packed))
    assert.same({ 400, "closed" }, { #list, ending })
  end)

  it("that is cut off gives its packets, then the error, again and again", function()
    local text = shell.read(packed)
    local name = shell.write(folder .. "/cut", text:sub(1, math.floor(#text / 2)))
    local cap = assert(pcap.open_offline(name))
    local list, ending = contents(cap)
    assert.is_true(#list > 70 and #list < 300, #list)
    assert.equal("error reading dump file: " .. program .. ": unexpected end of the file", ending)
    assert.same({ nil, ending }, { cap:next() })
    local nothing, message = pcap.open_offline(shell.write(name, text:sub(1, 12)))
    assert.is_nil(nothing)
    assert.equal(name .. ": " .. ending, message)
  end)

  it("that is damaged gives its packets, then the library's message", function()
    local text = shell.read(packed)
    local at = program == "gzip" and 8 or 4 -- the checksum, from the end
    local name = shell.write(folder .. "/bad", text:sub(1, -at - 1) .. "\1\2\3\4"
      .. text:sub(#text - at + 5))
    local list, ending = contents(pcap.open_offline(name))
    assert.equal(400, #list)
    assert.equal(("error reading dump file: %s: %s"):format(program, compression.damage), ending)
  end)

  it("takes no more memory however far it unpacks", function()
    local name = folder .. "/long"
    -- 200 MB of one record, which packs to a thousandth.
    local record = savefile.record(("\0"):rep(65000))
    local pipe = assert(io.popen(program .. " -1 > " .. name, "w"))
    pipe:write(savefile.header())
    for _ = 1, 3200 do pipe:write(record) end
    pipe:close()
    local output = process.lua(([[
      local process = require "spec.support.process"
      local cap = assert(require("pcap").open_offline(%q))
      local count, before = 0, nil
      for _ in cap:packets() do
        count = count + 1
        before = before or process.resident()
      end
      print(count, cap:ending(), process.resident() - before < 8e6)
    ]]):format(name))
    assert.equal("3200\tclosed\ttrue\n", output)
  end)

  it("is refused with a message where there is no library, and nothing else is", function()
    local cc = os.getenv "CC" or "cc"
    if not shell.has(cc) then return pending("needs a C compiler") end
    local source = shell.write(folder .. "/without.c", ([[
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <string.h>
      void *dlopen(const char *name, int flags) {
          void *(*real)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");
          return name && strncmp(name, "%s", %d) == 0 ? 0 : real(name, flags);
      }
    ]]):format(compression.file, #compression.file))
    shell.run(cc .. " -shared -fPIC -w -o %s/without.so %s", folder, source)
    local output = process.lua(([[
      local pcap = require "pcap"
      print(pcap.open_offline(%q))
      print(#pcap.open_offline(%q):next())
      print(pcap.dumper { file = %q, compress = %q })
      print(io.open(%q))
    ]]):format(packed, path, folder .. "/out", program, folder .. "/out"),
      { prefix = "env LD_PRELOAD=" .. folder .. "/without.so" })
    local missing = ("is not installed (Debian's %s)\n"):format(compression.package)
    assert.equal(("nil\t%s: compressed with %s, and %s, which unpacks it, %s")
      :format(packed, program, compression.library, missing) .. "7\n"
      .. ("nil\t%s/out: %s, which packs %s, %s"):format(folder, compression.library, program,
      missing) .. ("nil\t%s/out: No such file or directory\t2\n"):format(folder), output)
  end)
end

for _, compression in ipairs(COMPRESSIONS) do
  describe("A savefile that is packed with " .. compression.name, function()
    packed_with(compression)
  end)
end

describe("Gzip", function()
  it("may have other things behind it", function()
    shell.needs_zlib()
    local place, remove = shell.folder()
    finally(remove)
    shell.write(place .. "/f.pcap", savefile.header() .. savefile.record "hello")
    shell.run("gzip %s && printf '\\0\\0' >> %s", place .. "/f.pcap", place .. "/f.pcap.gz")
    local list, ending = contents(pcap.open_offline(place .. "/f.pcap.gz"))
    assert.same({ 1, "closed" }, { #list, ending })
  end)
end)

describe("Gzip that is damaged at its end", function()
  it("is said to be damaged, not to end too early, again and again", function()
    shell.needs_zlib()
    local place, remove = shell.folder()
    finally(remove)
    -- A block of a type that does not exist.
    local name = shell.write(place .. "/f.gz", "\31\139\8\0\0\0\0\0\0\3\7")
    local problem = "error reading dump file: gzip: invalid block type"
    assert.same({ nil, name .. ": " .. problem }, { pcap.open_offline(name) })
    local reader = assert(pcap.reader())
    assert(reader:feed(shell.read(name)))
    for _ = 1, 2 do
      assert.same({ nil, problem }, { reader:next() })
    end
  end)
end)

describe("Zstd", function()
  local place, remove, whole
  -- What may be skipped, as pzstd begins a file.
  local SKIPPED = "\x5e\x2a\x4d\x18\3\0\0\0abc"
  -- A frame's magic and its descriptor, which says that a window's size follows.
  local FRAME = "\x28\xb5\x2f\xfd\0"
  local UNKNOWN = "error reading dump file: zstd: Unknown frame descriptor"

  setup(function()
    shell.needs_zstd()
    place, remove = shell.folder()
    shell.write(place .. "/f.pcap", savefile.header() .. savefile.record "hello")
    shell.run("zstd -q %s", place .. "/f.pcap")
    whole = shell.read(place .. "/f.pcap.zst")
  end)
  teardown(function() if remove then remove() end end)

  local function reading(text)
    local name = shell.write(place .. "/made.zst", text)
    local cap, message = pcap.open_offline(name)
    if not cap then
      return nil, message:sub(#name + 3)
    end
    local list, ending = contents(cap)
    return #list, ending
  end

  it("may have frames to skip before, between and behind", function()
    local half = savefile.header() .. savefile.record "hello"
    local function frame(bytes_of_it)
      return shell.run("printf %s | zstd -qc",
        (bytes_of_it:gsub("%%", "%%%%"):gsub(".", function(c)
          return ("\\%03o"):format(c:byte())
        end)))
    end
    assert.same({ 1, "closed" }, { reading(SKIPPED:rep(3) .. whole .. SKIPPED) })
    assert.same({ 1, "closed" }, { reading(frame(half:sub(1, 30)) .. SKIPPED .. SKIPPED
      .. frame(half:sub(31)) .. frame "") })
    assert.same({ 1, "error reading dump file: zstd: unexpected end of the file" },
      { reading(whole .. SKIPPED:sub(1, -2)) })
  end)

  it("has nothing else behind it, as for zstd", function()
    assert.same({ 1, UNKNOWN }, { reading(whole .. "\0\0\0\0") })
    -- What zstd wrote before its first release, and other libraries of it may read.
    assert.same({ 1, UNKNOWN }, { reading(whole .. "\x25\xb5\x2f\xfd\0\0\0\0\0") })
  end)

  it("gives each packet before a block that is damaged", function()
    -- Three blocks, as they are, of two packets each; the third one's kind does not exist.
    local text = savefile.header()
    local blocks = { FRAME .. "\x58" }
    for i = 1, 3 do
      text = (i == 1 and text or "") .. savefile.record "hello" .. savefile.record "world"
      local head = #text * 8 + (i == 3 and 6 or 0)
      blocks[i + 1] = string.char(head % 256, math.floor(head / 256), 0) .. text
    end
    assert.same({ 4, "error reading dump file: zstd: Data corruption detected" },
      { reading(table.concat(blocks)) })
  end)

  it("may want a window of 128 MB, as for zstd, and no larger one", function()
    local text = savefile.header() .. savefile.record "hello"
    local function frame(descriptor)
      return FRAME .. descriptor .. string.char((#text * 8 + 1) % 256,
        math.floor((#text * 8 + 1) / 256), 0) .. text
    end
    for descriptor, judged in pairs { ["\x88"] = true, ["\x89"] = false, ["\xff"] = false } do
      local name = shell.write(place .. "/window.zst", frame(descriptor))
      local _, status = shell.try("zstd -tq %s", name)
      assert.equal(judged, status == 0)
      local count, ending = reading(frame(descriptor))
      if judged then
        assert.same({ 1, "closed" }, { count, ending })
      else
        assert.same({ nil, "error reading dump file: zstd: Frame requires too much memory for "
          .. "decoding" }, { count, ending })
      end
    end
  end)

  it("takes linear time for frames that give nothing", function()
    local empty = FRAME .. "\x88\1\0\0" -- a window of 128 MB, and an empty last block
    local started = shim.luapcap_monotonic()
    assert.same({ 1, "closed" }, { reading(empty:rep(100000) .. whole) })
    assert.is_true(shim.luapcap_monotonic() - started < 5)
  end)
end)

describe("Another compression", function()
  it("is recognised, and the message shows the pipe to use, which works", function()
    local place, remove = shell.folder()
    finally(remove)
    local plain = shell.write(place .. "/f.pcap", savefile.header() .. savefile.record "hello")
    for _, program in ipairs { "xz", "bzip2", "lz4" } do
      if shell.has(program) then
        local name = place .. "/f." .. program
        shell.run(program .. " -c < %s > %s", plain, name)
        local cap, message = pcap.open_offline(name)
        assert.is_nil(cap)
        assert.equal(("%s: compressed with %s; unpack it into a pipe: %s -dc %s | ... ")
          :format(name, program, program, name) .. 'and open "-"', message)
        local command = message:match("a pipe: (.-) | ...")
        assert.equal("hello\n", process.lua([[
          print((require("pcap").open_offline("-"):next()))
        ]], { prefix = command .. " |" }))
      end
    end
  end)
end)

describe("A compressed savefile near the limit of descriptors", function()
  local place, remove, packed

  before_each(function()
    place, remove = shell.folder()
    packed = shell.write(place .. "/f.pcap", savefile.header() .. savefile.record "hello") .. ".gz"
    shell.run("gzip -k %s", place .. "/f.pcap")
  end)
  after_each(function() remove() end)

  -- Zlib is loaded at the first compressed file, which takes a descriptor: so a process for each.
  local function run(script)
    return (process.lua(([[
      local pcap, packed, held = require "pcap", %q, {}
      -- Takes all descriptors but so many.
      local function leave(count, open)
        repeat held[#held + 1] = open() or false until not held[#held]
        for i = 1, count do
          held[i]:close()
          held[i] = false
        end
      end
      local function opens_file() return (io.open(packed)) end
      local function opens_capture() return (pcap.open_offline(packed:sub(1, -4))) end
    ]]):format(packed) .. script, { prefix = "ulimit -n 32;" }))
  end

  it("is told to want a descriptor, not zlib", function()
    local output = run [[
      leave(1, opens_file)
      print(select(2, pcap.open_offline(packed)))
    ]]
    assert.matches("Too many open files\n$", output)
    assert.is_nil(output:find "not installed")
  end)

  it("opens where garbage holds the descriptors", function()
    assert.equal("hello\n", run [[
      leave(1, opens_capture)
      held = nil
      print((assert(pcap.open_offline(packed)):next()))
    ]])
  end)
end)
