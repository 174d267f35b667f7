local ffi = require "ffi"
local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

ffi.cdef [[
  int luapcapspec_open(const char *path, int flags, ...) __asm__("open");
  int luapcapspec_close(int fd) __asm__("close");
  long luapcapspec_lseek(int fd, long offset, int whence) __asm__("lseek");
]]

local folder, remove_folder, path, bytes

local function packets(cap, message)
  local list = {}
  for data in assert(cap, message).next, cap do
    list[#list + 1] = data
  end
  return list
end

describe("A savefile", function()
  setup(function()
    folder, remove_folder = shell.folder()
    bytes = savefile.header() .. savefile.record "first" .. savefile.record "second"
      .. savefile.record(("x"):rep(5000))
    path = shell.write(folder .. "/three.pcap", bytes)
  end)
  teardown(function() remove_folder() end)

  local all = { "first", "second", ("x"):rep(5000) }

  it("is read through a descriptor, which stays open", function()
    local fd = ffi.C.luapcapspec_open(path, 0)
    assert.is_true(fd > 2)
    local cap = assert(pcap.open_offline(fd))
    assert.same(all, packets(cap))
    assert.equal("pcap capture (savefile descriptor " .. fd .. ")", tostring(cap))
    cap:close()
    assert.equal(0, ffi.C.luapcapspec_lseek(fd, 0, 0))
    assert.same(all, packets(pcap.open_offline(fd)))
    assert.equal(0, ffi.C.luapcapspec_close(fd))
  end)

  it("is read on after its descriptor was closed", function()
    local fd = ffi.C.luapcapspec_open(path, 0)
    local cap = assert(pcap.open_offline(fd))
    ffi.C.luapcapspec_close(fd)
    assert.same(all, packets(cap))
  end)

  it("is read through an open Lua file, which stays open", function()
    local file = assert(io.open(path, "rb"))
    local cap = assert(pcap.open_offline(file))
    assert.same(all, packets(cap))
    cap:close()
    assert.equal(#bytes, file:seek "end")
    file:close()
  end)

  it("is read from where the file stands, through libpcap and in blocks", function()
    local before = ("lines before\n"):rep(1000)
    for _, big in ipairs { false, true } do
      local text = savefile.header { big = big } .. savefile.record("in here", { big = big })
      local inner = shell.write(folder .. "/inner", before .. text)
      local file = assert(io.open(inner, "rb"))
      for _ = 1, 1000 do assert.equal("lines before", file:read "*l") end
      assert.same({ "in here" }, packets(pcap.open_offline(file)))
      file:close()
    end
  end)

  it("is read from a pipe that a Lua file is, with what that has read ahead", function()
    local file = io.popen("echo a line; cat " .. path)
    assert.equal("a line", file:read "*l")
    assert.same(all, packets(pcap.open_offline(file)))
    file:close()
  end)

  it("is read from a pipe with any pieces that its bytes come in", function()
    local file = io.popen(("head -c 3 %s; sleep 0.1; tail -c +4 %s | head -c 30; sleep 0.1; "
      .. "tail -c +34 %s"):format(path, path, path))
    assert.same(all, packets(pcap.open_offline(file)))
    file:close()
  end)

  -- A signal every few milliseconds, to a handler that does nothing, interrupts system calls.
  local SIGNALS = [[
    local ffi, pcap = require "ffi", require "pcap"
    ffi.cdef "typedef struct { long interval[2], value[2]; } luapcapspec_timer;"
    ffi.cdef "void *signal(int, int (*)(int)); int abs(int);"
    ffi.cdef "int setitimer(int, const luapcapspec_timer *, void *);"
    ffi.cdef "int siginterrupt(int, int);"
    ffi.C.signal(14, ffi.C.abs)
    ffi.C.siginterrupt(14, 1)
    ffi.C.setitimer(0, ffi.new("luapcapspec_timer", { { 0, 3000 }, { 0, 3000 } }), nil)
  ]]

  it("is read whole from a pipe though signals come", function()
    local slowly = (" < <(for from in 1 10 27 45 60; do sleep 0.05; tail -c +$from %s | "
      .. "head -c $((from == 60 ? 9999 : from == 1 ? 9 : from == 10 ? 17 : from == 27 ? 18 : 15)); "
      .. "done)"):format(path)
    local script = shell.write(folder .. "/read.lua", SIGNALS .. [[
      local cap = assert(pcap.open_offline(arg[1]))
      for data in cap.next, cap do print(#data) end
      print(select(2, cap:next()))
    ]])
    for _, source in ipairs { "-", "/dev/stdin" } do
      assert.equal("5\n6\n5000\nclosed\n",
        shell.run("bash -c %s", ("luajit %s %s%s"):format(script, source, slowly)))
    end
  end)

  it("has a descriptor to wait with where it is a pipe", function()
    local file = io.popen("cat " .. path)
    local cap = assert(pcap.open_offline(file))
    assert.matches("^pipe:", (shell.run("readlink /proc/%s/fd/%s", process.pid(), cap:getfd())))
    cap:close()
    file:close()
  end)

  it("is written whole to a pipe though signals come", function()
    local script = shell.write(folder .. "/write.lua", SIGNALS .. [[
      local dumper = assert(pcap.open_dead():dump_open(arg[1]))
      for i = 1, 300 do assert(dumper:dump(("x"):rep(1000), i)) end
      assert(dumper:close())
    ]])
    for _, place in ipairs { "-", "/dev/stdout" } do
      local count = shell.run("luajit %s %s | (sleep 0.3; tcpdump --count -r - 2>/dev/null)",
        script, place)
      assert.equal("300 packets\n", count)
    end
  end)

  it("that cannot be read has a name in the message", function()
    assert.same({ nil, "descriptor 999999: Bad file descriptor" }, { pcap.open_offline(999999) })
    local file = assert(io.open(shell.write(folder .. "/junk", "not a savefile, I fear")))
    local cap, message = pcap.open_offline(file)
    assert.is_nil(cap)
    assert.equal(tostring(file) .. ": unknown file format", message)
    file:close()
    misuse(function() pcap.open_offline(file) end,
      "bad argument #1 to 'open_offline' (string expected, got closed file)")
    misuse(function() pcap.open_offline(-1) end,
      "bad argument #1 to 'open_offline' (descriptor expected, got -1)")
    misuse(function() pcap.open_offline(1.5) end,
      "bad argument #1 to 'open_offline' (descriptor expected, got 1.5)")
  end)

  it("leaves no descriptor behind", function()
    collectgarbage()
    collectgarbage()
    local before = process.descriptors()
    local file = assert(io.open(path, "rb"))
    for _ = 1, 20 do
      file:seek "set"
      pcap.open_offline(file):close()
      pcap.open_offline(assert(io.open(shell.write(folder .. "/junk", "junk"))))
    end
    file:close()
    collectgarbage()
    collectgarbage()
    assert.is_true(process.descriptors() <= before)
  end)

  it("is written through an open Lua file, from where that stands", function()
    local file = assert(io.open(folder .. "/out", "wb"))
    file:write "before"
    local dumper = assert(pcap.open_dead():dump_open(file))
    assert.equal(6 + 24, dumper:tell())
    assert(dumper:dump("hello", 5))
    assert.equal(6 + 24 + 16 + 5, dumper:tell())
    assert(dumper:close())
    file:write "after"
    file:close()
    assert.equal("before" .. savefile.header() .. savefile.record("hello", { sec = 5 }) .. "after",
      shell.read(folder .. "/out"))
  end)

  it("is written through a descriptor, with one of its own", function()
    local fd = ffi.C.luapcapspec_open(folder .. "/out2", 1 + 64, ffi.cast("int", 384))
    assert.is_true(fd > 2)
    local dumper = assert(pcap.open_dead():dump_open(fd))
    assert.is_true(dumper:fileno() > 2 and dumper:fileno() ~= fd)
    ffi.C.luapcapspec_close(fd)
    assert(dumper:dump("hello", 5))
    assert(dumper:close())
    assert.equal(savefile.header() .. savefile.record("hello", { sec = 5 }),
      shell.read(folder .. "/out2"))
  end)

  it("is not written where that is impossible", function()
    local dead = pcap.open_dead()
    -- No savefile has room for such a link type; libpcap's versions differ on smaller ones.
    local _, refused = pcap.open_dead(65536):dump_open(folder .. "/new")
    assert.matches("new: .*65536", refused)
    assert.is_nil(io.open(folder .. "/new"))
    assert.same({ nil, "descriptor 999999: Bad file descriptor" }, { dead:dump_open(999999) })
    misuse(function() dead:dump_open(1, { append = true }) end,
      "bad argument #2 to 'dump_open' (option 'append' needs a path)")
    misuse(function() dead:dump_open("-", { append = true }) end, -- would close stdout
      "bad argument #2 to 'dump_open' (option 'append' needs a path)")
    misuse(function() dead:dump_open {} end,
      "bad argument #1 to 'dump_open' (string expected, got table)")
    local pipe = io.popen("cat >/dev/null", "w")
    local dumper = assert(dead:dump_open(pipe))
    local position, message = dumper:tell()
    assert.is_nil(position)
    assert.matches("[Ss]eek", message)
    dumper:close()
    pipe:close()
    misuse(function() dumper:tell() end,
      "calling 'tell' on bad self: pcap dumper has been closed")
  end)
end)

describe("A savefile that comes from elsewhere than a file", function()
  local fds

  ffi.cdef [[
    int luapcapspec_pipe2(int *fds, int flags) __asm__("pipe2");
    int luapcapspec_socketpair(int family, int kind, int protocol, int *fds) __asm__("socketpair");
    long luapcapspec_write(int fd, const void *bytes, size_t size) __asm__("write");
  ]]
  local O_NONBLOCK, AF_UNIX, SOCK_STREAM = 2048, 1, 1

  before_each(function()
    folder, remove_folder = shell.folder()
    bytes = savefile.header() .. savefile.record "first" .. savefile.record "second"
    fds = ffi.new "int[2]"
  end)
  after_each(function() remove_folder() end)

  it("is read from a socket", function()
    assert.equal(0, ffi.C.luapcapspec_socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
    ffi.C.luapcapspec_write(fds[1], bytes, #bytes)
    ffi.C.luapcapspec_close(fds[1])
    local cap = assert(pcap.open_offline(fds[0]))
    ffi.C.luapcapspec_close(fds[0])
    assert.same({ "first", "second" }, packets(cap))
    assert.same({ nil, "closed" }, { cap:next() })
  end)

  -- A pipe that does not block, into which a program writes so much and the rest later; the first
  -- bytes are fewer than tell whether a file is compressed. A read that did not wait would use up
  -- the processor's time.
  it("is waited for, though its descriptor does not block", function()
    for _, name in ipairs { "in.pcap", "in.pcap.gz" } do
      shell.write(folder .. "/in.pcap", bytes)
      shell.run("gzip -kf %s", folder .. "/in.pcap")
      for _, first in ipairs { 1, 5, 20, 30 } do
        local output = process.lua(([[
          local ffi, pcap = require "ffi", require "pcap"
          ffi.cdef "int fcntl(int fd, int command, ...);"
          ffi.C.fcntl(0, 4, ffi.cast("int", %d))
          local before = os.clock()
          local cap = assert(pcap.open_offline "-")
          print((cap:next()), (cap:next()), select(2, cap:next()))
          print(os.clock() - before < 0.4)
        ]]):format(O_NONBLOCK), { prefix = ("{ head -c %d %s/%s; sleep 1; tail -c +%d %s/%s; } |")
          :format(first, folder, name, first + 1, folder, name) })
        assert.equal("first\tsecond\tclosed\ntrue\n", output)
      end
    end
  end)

  it("is given up at Ctrl-C while its first bytes are waited for", function()
    for _, first in ipairs { 0, 2, 23 } do
      shell.write(folder .. "/in.pcap", bytes)
      local output = process.lua([[
        io.popen("sleep 1; kill -INT $PPID")
        print(pcall(require("pcap").open_offline, "-"))
        os.exit(0)
      ]], { prefix = ("{ head -c %d %s/in.pcap; exec sleep 3; } | timeout --foreground 20")
        :format(first, folder) })
      assert.matches("^false\t.*interrupted!\n$", output)
    end
  end)

  it("loses no byte to a signal", function()
    shell.write(folder .. "/in.pcap", bytes)
    for _, first in ipairs { 2, 24, 30, 45, 50 } do
      local output = process.lua(([[
        local pipe = io.popen("head -c %d %s/in.pcap; sleep 0.5; kill -INT $PPID; "
          .. "sleep 0.5; tail -c +%d %s/in.pcap")
        local list, cap = {}
        while not cap do
          local opened, value = pcall(require("pcap").open_offline, pipe)
          if not opened then return print "interrupted" end
          cap = value
        end
        repeat
          local read, data, reason = pcall(cap.next, cap)
          if not read then list[#list + 1] = "interrupted" end
          if read and data then list[#list + 1] = data end
        until read and not data
        print(table.concat(list, " "))
        os.exit(0)
      ]]):format(first, folder, first + 1, folder), { prefix = "timeout --foreground 20" })
      assert.equal(({ [2] = "interrupted", [24] = "interrupted first second",
        [30] = "interrupted first second", [45] = "first interrupted second",
        [50] = "first interrupted second" })[first] .. "\n", output)
    end
  end)

  it("has a message where there is nothing to read", function()
    local cap, message = pcap.open_offline(folder)
    assert.is_nil(cap)
    assert.equal(folder .. ": error reading dump file: Is a directory", message)
    cap, message = pcap.open_offline "/dev/null"
    assert.is_nil(cap)
    assert.matches("^/dev/null: truncated dump file", message)
  end)

  -- A read of the system that fails behind so many bytes.
  it("gives its packets before the error of a read, and the error again", function()
    local cc = os.getenv "CC" or "cc"
    if not shell.has(cc) then return pending("needs a C compiler") end
    local name = shell.write(folder .. "/in.pcap", bytes)
    local source = shell.write(folder .. "/eio.c", [[
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <errno.h>
      #include <stdlib.h>
      #include <unistd.h>
      ssize_t pread64(int fd, void *to, size_t size, off64_t at) {
          off64_t limit = atoi(getenv("LIMIT"));
          ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
          if (at >= limit) { errno = EIO; return -1; }
          return real(fd, to, at + (off64_t)size > limit ? (size_t)(limit - at) : size, at);
      }
      ssize_t pread(int fd, void *to, size_t size, off_t at) { return pread64(fd, to, size, at); }
    ]])
    shell.run(cc .. " -shared -fPIC -w -o %s/eio.so %s", folder, source)
    for _, limit in ipairs { 45, 50, 61, 63 } do
      local output = process.lua(([[
        local cap = assert(require("pcap").open_offline(%q))
        print((cap:next()))
        print(select(2, cap:next()))
        print(select(2, cap:next()))
      ]]):format(name), { prefix = ("env LIMIT=%d LD_PRELOAD=%s/eio.so"):format(limit, folder) })
      local problem = "error reading dump file: Input/output error\n"
      assert.equal("first\n" .. problem .. problem, output)
    end
  end)
end)
