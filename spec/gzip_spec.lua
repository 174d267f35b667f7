local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

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

describe("A gzip-compressed savefile", function()
  setup(function()
    folder, remove_folder = shell.folder()
    local records = { savefile.header() }
    for i = 1, 400 do
      records[i + 1] = savefile.record(noise(i * 7 % 1500, i), { sec = i, fraction = i * 13 })
    end
    bytes = table.concat(records)
    path = shell.write(folder .. "/f.pcap", bytes)
    shell.run("gzip -k %s", path)
  end)
  teardown(function() remove_folder() end)

  it("opens as it is", function()
    shell.needs_zlib()
    local plain, ending = contents(pcap.open_offline(path))
    local unpacked, ending_too = contents(pcap.open_offline(path .. ".gz"))
    assert.equal(400, #unpacked)
    assert.same(plain, unpacked)
    assert.same({ "closed", "closed" }, { ending, ending_too })
  end)

  it("gives what the plain file gives, for every real capture at hand, pcapng too", function()
    shell.needs_zlib()
    local paths = savefile.real()
    if #paths == 0 then return pending("needs real captures in PCAP_CAPTURES") end
    local name = folder .. "/real.gz"
    for _, real in ipairs(paths) do
      shell.run("gzip -c < %s > %s", real, name)
      local plain, why_not = pcap.open_offline(real, { precision = "nano" })
      local packed, why_not_too = pcap.open_offline(name, { precision = "nano" })
      if plain then
        assert.same({ contents(plain) }, { contents(packed, why_not_too) })
        assert.equal(plain:datalink(), packed:datalink())
      else
        assert.equal(why_not:gsub("^.-: ", ""), (why_not_too:gsub("^.-: ", "")))
      end
    end
  end)

  it("is read from a pipe, a descriptor's file and standard input", function()
    shell.needs_zlib()
    local plain = contents(pcap.open_offline(path))
    local pipe = io.popen("echo line; cat " .. path .. ".gz")
    assert.equal("line", pipe:read "*l")
    assert.same(plain, (contents(pcap.open_offline(pipe))))
    pipe:close()
    local file = assert(io.open(path .. ".gz", "rb"))
    assert.same(plain, (contents(pcap.open_offline(file))))
    file:close()
    local count = [[
      local count = 0
      for _ in assert(require("pcap").open_offline "-"):packets() do count = count + 1 end
      print(count)
    ]]
    assert.equal("400\n", process.lua(count, { redirect = "< " .. path .. ".gz" }))
    assert.equal("400\n", process.lua(count, { prefix = "cat " .. path .. ".gz |" }))
  end)

  it("may be of several members, and have other things behind them", function()
    shell.needs_zlib()
    local name = folder .. "/members.gz"
    shell.run("head -c 1000 %s | gzip -c > %s; tail -c +1001 %s | gzip -c >> %s; "
      .. "printf '\\0\\0\\0\\0' >> %s", path, name, path, name, name)
    local list, ending = contents(pcap.open_offline(name))
    assert.same({ 400, "closed" }, { #list, ending })
  end)

  it("that is cut off gives its packets, then the error, again and again", function()
    shell.needs_zlib()
    local packed = shell.read(path .. ".gz")
    local name = shell.write(folder .. "/cut.gz", packed:sub(1, math.floor(#packed / 2)))
    local cap = assert(pcap.open_offline(name))
    local list, ending = contents(cap)
    assert.is_true(#list > 100 and #list < 300, #list)
    assert.equal("error reading dump file: gzip: unexpected end of the file", ending)
    assert.same({ nil, ending }, { cap:next() })
    local nothing, message = pcap.open_offline(shell.write(name, packed:sub(1, 12)))
    assert.is_nil(nothing)
    assert.equal(name .. ": " .. ending, message)
  end)

  it("that is damaged ends with zlib's message", function()
    shell.needs_zlib()
    local packed = shell.read(path .. ".gz")
    local name = shell.write(folder .. "/bad.gz", packed:sub(1, -9) .. "\1\2\3\4" .. packed:sub(-4))
    local list, ending = contents(pcap.open_offline(name))
    assert.equal(400, #list)
    assert.equal("error reading dump file: gzip: incorrect data check", ending)
  end)

  it("takes no more memory however far it unpacks", function()
    shell.needs_zlib()
    local name = folder .. "/long.gz"
    -- 200 MB of one record, which gzip makes a thousandth of.
    local record = savefile.record(("\0"):rep(65000))
    local pipe = assert(io.popen("gzip -1 > " .. name, "w"))
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

  it("is refused with a message where there is no zlib, and nothing else is", function()
    shell.needs_zlib()
    local cc = os.getenv "CC" or "cc"
    if not shell.has(cc) then return pending("needs a C compiler") end
    local source = shell.write(folder .. "/nozlib.c", [[
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <string.h>
      void *dlopen(const char *name, int flags) {
          void *(*real)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");
          return name && strncmp(name, "libz.", 5) == 0 ? 0 : real(name, flags);
      }
    ]])
    shell.run(cc .. " -shared -fPIC -w -o %s/nozlib.so %s", folder, source)
    local output = process.lua(([[
      local pcap = require "pcap"
      print(pcap.open_offline(%q))
      print(#pcap.open_offline(%q):next())
    ]]):format(path .. ".gz", path), { prefix = "env LD_PRELOAD=" .. folder .. "/nozlib.so" })
    assert.equal("nil\t" .. path .. ".gz: compressed with gzip, and zlib, which unpacks it, "
      .. "is not installed\n7\n", output)
  end)
end)

describe("Another compression", function()
  it("is recognised, and the message shows the pipe to use, which works", function()
    local place, remove = shell.folder()
    finally(remove)
    local plain = shell.write(place .. "/f.pcap", savefile.header() .. savefile.record "hello")
    for _, program in ipairs { "zstd", "xz", "bzip2", "lz4" } do
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
