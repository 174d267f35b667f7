local ffi = require "ffi"
local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local process = require "spec.support.process"
local reader = require "spec.support.reader"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

ffi.cdef "int luapcapspec_close(int fd) __asm__(\"close\");"

local header, record = savefile.header, savefile.record
local folder, remove

local function write(bytes)
  return shell.write(folder .. "/in.pcap", bytes)
end

describe("open_offline", function()
  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  it("knows the file's link type and snaplen", function()
    local cap = pcap.open_offline(write(header { linktype = 113, snaplen = 1234 }))
    assert.equal(113, cap:datalink())
    assert.equal(1234, cap:snapshot())
  end)

  it("reads either byte order, with microseconds and nanoseconds", function()
    for magic, fraction in pairs { [0xa1b2c3d4] = 123456, [0xa1b23c4d] = 123456789 } do
      for _, big in ipairs { false, true } do
        local opts = { magic = magic, big = big, sec = 1700000000, fraction = fraction,
          wirelen = 60 }
        local path = write(header(opts) .. record("abc", opts))
        assert.same({ "abc", 1700000000.123456, 60 }, { pcap.open_offline(path):next() })
        local pkt = pcap.open_offline(path, { precision = "nano" }):next_packet()
        assert.equal(magic == 0xa1b23c4d and 123456789 or 123456000, pkt.nsec)
      end
    end
  end)

  it("says closed after the last packet, again on each later call", function()
    local cap = pcap.open_offline(write(header() .. record("abc")))
    assert.equal("abc", (cap:next()))
    for _ = 1, 3 do
      assert.same({ nil, "closed" }, { cap:next() })
      assert.same({ nil, "closed" }, { cap:next_packet() })
    end
    cap = pcap.open_offline(write(header()))
    assert.same({ nil, "closed" }, { cap:next() })
  end)

  it("gives the good packets before the message of a file cut short", function()
    local whole = header() .. record("first") .. record("second")
    for cut = 1, 5 do
      local cap = pcap.open_offline(write(whole:sub(1, -1 - cut)))
      assert.equal("first", (cap:next()))
      assert.same({ nil, "truncated dump file; tried to read 6 captured bytes, only got "
        .. 6 - cut }, { cap:next() })
    end
    for cut = 7, 21 do
      local cap = pcap.open_offline(write(whole:sub(1, -1 - cut)))
      assert.equal("first", (cap:next()))
      assert.same({ nil, "truncated dump file; tried to read 16 header bytes, only got "
        .. 22 - cut }, { cap:next() })
    end
  end)

  it("reads stdin as -, a file or a pipe", function()
    local path = write(header() .. record("first") .. record("second"))
    for _, opts in ipairs { { redirect = "< " .. path }, { prefix = "cat " .. path .. " |" } } do
      assert.equal("first\nsecond\nnil\tclosed\nclosed\tpcap capture (savefile -)\n",
        process.lua([[
          local cap = assert(require("pcap").open_offline("-"))
          for capdata in cap.next, cap do print(capdata) end
          print(cap:next())
          for _ in cap:packets() do error "a packet" end
          print(cap:ending(), cap)
        ]], opts))
    end
  end)

  it("reads a savefile on stdin from where the stream stands", function()
    local path = write("ten bytes\n" .. header() .. record("first") .. record("second"))
    assert.equal("first\tsecond\n", process.lua([[
      io.stdin:setvbuf("no")
      assert(io.stdin:read(10) == "ten bytes\n")
      local cap = assert(require("pcap").open_offline("-"))
      print((cap:next()), (cap:next()))
    ]], { redirect = "< " .. path }))
  end)

  it("reads a pipe as its packets come", function()
    local fifo = folder .. "/fifo"
    shell.run("mkfifo %s", fifo)
    local writer = io.popen("cat > " .. fifo, "w")
    writer:setvbuf("no")
    writer:write(header() .. record("first"))
    local cap = assert(pcap.open_offline(fifo))
    assert.equal("first", (cap:next()))
    writer:write(record("second"))
    assert.equal("second", (cap:next()))
    writer:close()
    assert.same({ nil, "closed" }, { cap:next() })
  end)

  it("gives the reason when its descriptor has been closed under it", function()
    local cap = pcap.open_offline(write(header() .. record("abc")))
    assert.equal(0, ffi.C.luapcapspec_close(cap:getfd()))
    local ending = { cap:next() }
    cap:close() -- now: the number of the descriptor will be another file's
    assert.same({ nil, "error reading dump file: Bad file descriptor" }, ending)
  end)

  it("names the file when it cannot be opened", function()
    local path = folder .. "/missing.pcap"
    assert.same({ nil, path .. ": No such file or directory" }, { pcap.open_offline(path) })
    shell.write(folder .. "/empty", "")
    shell.write(folder .. "/text", "This is a text file, long enough to hold a file header.\n")
    shell.write(folder .. "/short", header():sub(1, 20))
    for _, name in ipairs { "", "/empty", "/text", "/short" } do
      local cap, message = pcap.open_offline(folder .. name)
      assert.is_nil(cap)
      assert.is_truthy(message:find(folder .. name, 1, true), message)
      assert.is_truthy(#message > #(folder .. name) + 5)
    end
    local cap, message = pcap.open_offline("")
    assert.is_nil(cap)
    assert.matches("No such file", message)
  end)

  it("raises for a name that is none", function()
    misuse(function() pcap.open_offline() end,
      "bad argument #1 to 'open_offline' (string expected, got nil)")
    misuse(function() pcap.open_offline({}) end,
      "bad argument #1 to 'open_offline' (string expected, got table)")
    misuse(function() pcap.open_offline("a\0b") end,
      "bad argument #1 to 'open_offline' (string contains a NUL byte)")
  end)

  it("loses nothing between nano captures and their dump files", function()
    local bytes = header { magic = 0xa1b23c4d, snaplen = 65535 }
    for i = 1, 50 do
      bytes = bytes .. record(("x"):rep(i),
        { sec = i - 1, fraction = 999999999 - i, wirelen = 2 * i })
    end
    local cap = pcap.open_offline(write(bytes), { precision = "nano" })
    local dumper = cap:dump_open(folder .. "/out")
    for pkt in cap:packets() do
      assert(dumper:dump(pkt))
    end
    assert(dumper:close())
    assert.is_true(bytes == shell.read(folder .. "/out"))
  end)

  it("takes no filter that its link type lacks", function()
    local path = write(header { linktype = 147 } .. record("x"))
    local cap = pcap.open_offline(path)
    local set, message = cap:set_filter("tcp port 80")
    assert.is_nil(set)
    local theirs = reader.libpcap(folder) { { path = path, filter = "tcp port 80" } }
    assert.equal(theirs[1]:match "filter: ([^\n]+)", message)
    assert.equal("x", (cap:next()))
  end)
end)
