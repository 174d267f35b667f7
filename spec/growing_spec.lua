-- A savefile that somebody still writes ends anywhere, and mostly within a packet: a buffered
-- writer writes blocks. Every packet has to come once, and none that nobody wrote.

local ffi = require "ffi"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

ffi.cdef [[
  int luapcapspec_open(const char *path, int flags, ...) __asm__("open");
  int luapcapspec_close(int fd) __asm__("close");
]]

local folder, remove, path

local PACKETS = { "one", "", ("two "):rep(20), "three" }

-- A pcapng file with other blocks between the packets.
local function build_pcapng(opts)
  local w = pcapng_file.writer(opts.big)
  local parts = { w:section() .. w:interface(1, 262144) }
  for i, data in ipairs(PACKETS) do
    parts[#parts + 1] = w:packet(data, { high = 395000, low = i, options = { { 1, "a comment" } } })
    parts[#parts + 1] = i == 2 and w:block(0xbad, "some") .. w:interface(1, 262144) or nil
  end
  return table.concat(parts)
end

local function build(opts)
  if opts.pcapng then
    return build_pcapng(opts)
  end
  local parts = { savefile.header(opts) }
  for i, data in ipairs(PACKETS) do
    parts[i + 1] = savefile.record(data, { sec = opts.sec or i, fraction = i, big = opts.big,
      wirelen = opts.wirelen })
  end
  return table.concat(parts)
end

local KINDS = {
  ["plain"] = {},
  ["the other byte order"] = { big = true },
  ["nanoseconds"] = { magic = 0xa1b23c4d },
  ["nanoseconds, the other byte order"] = { magic = 0xa1b23c4d, big = true },
  ["seconds of 2^31, which libpcap judges"] = { sec = 2 ^ 31 },
  ["seconds of 2^31, the other byte order"] = { sec = 2 ^ 31, big = true },
  ["version 2.3, which libpcap judges"] = { minor = 3, wirelen = 1500 },
  ["version 2.3, the other byte order"] = { minor = 3, wirelen = 1500, big = true },
  ["pcapng"] = { pcapng = true },
  ["pcapng, the other byte order"] = { pcapng = true, big = true },
}

local function append(bytes)
  local file = assert(io.open(path, "ab"))
  file:write(bytes)
  file:close()
end

-- Ways to read until the file ends for now: each adds the packets' bytes to a list.
local ways = {}

function ways.next(cap, list)
  for data in cap.next, cap do list[#list + 1] = data end
end

function ways.next_packet(cap, list)
  local pkt = cap:next_packet()
  while pkt do
    list[#list + 1] = pkt:bytes()
    pkt = cap:next_packet()
  end
end

function ways.packets(cap, list)
  for pkt in cap:packets() do list[#list + 1] = pkt:bytes() end
end

function ways.loop(cap, list)
  cap:loop(function(data) list[#list + 1] = data end)
end

-- Reads a file that ends after each number of bytes, and then grows to its end.
local function grows(bytes, way, opened, expected)
  local head = bytes:sub(1, 4) == "\10\13\13\10" and 48 or 24
  for cut = head, #bytes - 1 do
    shell.write(path, bytes:sub(1, cut))
    local cap, list = opened(), {}
    way(cap, list)
    way(cap, list)
    append(bytes:sub(cut + 1))
    way(cap, list)
    assert.same(expected, list, "cut after " .. cut)
    cap:close()
  end
end

local function opened()
  return assert(pcap.open_offline(path))
end

describe("A file that ends within a packet for now", function()
  before_each(function()
    folder, remove = shell.folder()
    path = folder .. "/growing.pcap"
  end)
  after_each(function() remove() end)

  for kind, opts in pairs(KINDS) do
    it("gives each packet once: " .. kind, function()
      for _, way in pairs(ways) do
        grows(build(opts), way, opened, PACKETS)
      end
    end)
  end

  it("gives each packet once that a filter takes", function()
    for _, opts in pairs(KINDS) do
      for _, way in pairs(ways) do
        grows(build(opts), way, function()
          return assert(opened():set_filter "ether[0] = 0x74") -- a "t"
        end, { PACKETS[3], PACKETS[4] })
      end
    end
  end)

  it("gives each packet once through a descriptor and through a Lua file", function()
    grows(build {}, ways.packets, function()
      local fd = ffi.C.luapcapspec_open(path, 0)
      local cap = assert(pcap.open_offline(fd))
      ffi.C.luapcapspec_close(fd)
      return cap
    end, PACKETS)
    grows(build { big = true }, ways.packets, function()
      return assert(pcap.open_offline(assert(io.open(path, "rb"))))
    end, PACKETS)
  end)

  it("goes on with the filter that was set in between", function()
    local bytes = build {}
    for cut = 24, 30 do
      shell.write(path, bytes:sub(1, cut))
      local cap, list = opened(), {}
      ways.packets(cap, list)
      assert(cap:set_filter "len = 5")
      append(bytes:sub(cut + 1))
      ways.packets(cap, list)
      assert.same({ "three" }, list)
    end
  end)

  it("says each time that it is cut off, in libpcap's words", function()
    shell.write(path, build({}):sub(1, -3))
    local cap = opened()
    for _ = 1, 3 do assert(cap:next()) end
    for _ = 1, 3 do
      assert.same({ nil, "truncated dump file; tried to read 5 captured bytes, only got 3" },
        { cap:next() })
    end
    append "ee"
    assert.equal("three", (cap:next()))
    assert.same({ nil, "closed" }, { cap:next() })
  end)

  -- A writer that was killed and began its last packet anew.
  it("gives what is there now where the piece has been cut off and written anew", function()
    local whole = savefile.header() .. savefile.record "first"
    for _, piece in ipairs { 1, 15, 16, 20 } do
      shell.write(path, whole .. savefile.record(("old"):rep(9)):sub(1, piece))
      local cap, list = opened(), {}
      ways.packets(cap, list)
      shell.run("truncate -s %s %s", #whole, path)
      ways.packets(cap, list)
      append(savefile.record "new")
      ways.packets(cap, list)
      assert.same({ "first", "new" }, list)
    end
  end)

  it("gives nothing once it has been emptied, and its whole when it has been deleted", function()
    local bytes = savefile.header { snaplen = 262144 } .. savefile.record(("x"):rep(200000)):rep(3)
    shell.write(path, bytes)
    local cap = opened()
    assert.equal(200000, #cap:next())
    shell.run("truncate -s 0 %s", path)
    assert.is_nil((cap:next()))
    assert.is_nil((cap:next()))
    shell.write(path, bytes)
    cap = opened()
    os.remove(path)
    local list = {}
    ways.packets(cap, list)
    assert.equal(3, #list)
  end)

  it("gives each packet once where it is compressed, whatever bytes have come", function()
    local bytes = build {}
    -- Two members, so that some packets are there before the end.
    local first, second = shell.write(folder .. "/a", bytes:sub(1, 70)),
      shell.write(folder .. "/b", bytes:sub(71))
    local packed = shell.run("cat %s | gzip -c; cat %s | gzip -c", first, second)
    local head = #shell.run("gzip -c < %s", first)
    shell.write(path, packed:sub(1, head))
    local cap, list = opened(), {}
    for at = head + 1, #packed do
      ways.packets(cap, list)
      append(packed:sub(at, at))
    end
    ways.packets(cap, list)
    assert.same(PACKETS, list)
    assert.equal("closed", cap:ending())
  end)
end)
