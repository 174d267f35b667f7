-- No packet, whatever its bytes, makes the decoder raise or read where no packet is.
--
-- Every packet here ends right before a page that may not be read: an overread ends the run.

local views = require "spec.support.views" -- before what it watches
local decode = require "pcap.decode"
local frames = require "spec.support.frames"
local guard = require "spec.support.guard"
local links = require "spec.support.links"
local packet = require "pcap.packet"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local tunnels = require "spec.support.tunnels"
local pcap = require "pcap"

local ROUNDS = tonumber(os.getenv("PCAP_FUZZ_ROUNDS")) or 40

local LINKTYPES = {}
for linktype in pairs(require("pcap.decode.dispatch").linktype) do
  LINKTYPES[#LINKTYPES + 1] = linktype
end
LINKTYPES[#LINKTYPES + 1] = 147 -- which is not decoded

decode.layers() -- loads all protocols
local FIELDS = views.fields()

local DEEPEST = 5 -- tunnels to look into

-- Each bit alone, and the ends of what lengths, versions and types may be.
local VALUES = { 0, 1, 2, 3, 4, 6, 8, 15, 16, 32, 64, 69, 127, 128, 240, 255 }

-- Reads all that there is to read of a decoded packet.
local function touch(layers, pkt, depth)
  depth = depth or 1
  for name, fields in pairs(FIELDS) do
    local view = layers[name]
    for field in pairs(view and fields or {}) do
      local value = view[field]
      if field == "quoted" and value and depth < DEEPEST then
        touch(value, packet.new(0), depth + 1)
      end
    end
  end
  assert(layers.payload_begin >= 1 and (pkt.caplen == 0 or layers.payload_end <= pkt.caplen))
  assert(layers.payload_begin <= layers.payload_end + 1)
  assert(#layers:payload() == layers.payload_end - layers.payload_begin + 1)
  layers:flow()
  layers:flow(true)
  layers:verify()
  if layers.inner and depth < DEEPEST then
    touch(layers.inner, pkt, depth + 1)
  end
end

-- The headers that a packet has, and what is wrong with it, as text.
local function shape(layers)
  local names = {}
  while layers do
    for name in pairs(FIELDS) do
      if layers[name] then names[#names + 1] = name end
    end
    names[#names + 1] = layers.error or ">"
    layers = layers.inner
  end
  return table.concat(names, " ")
end

-- The packets of real captures: two of each shape, for what is done with each takes long.
local function real_packets()
  local packets, seen, layers = {}, {}, decode.layers()
  for _, path in ipairs(savefile.real()) do
    local cap = assert(pcap.open_offline(path))
    for pkt in cap:packets() do
      local key = pkt.linktype .. shape(layers(pkt))
      seen[key] = (seen[key] or 0) + 1
      if seen[key] <= 2 then
        packets[#packets + 1] = { pkt.linktype, pkt:bytes():sub(1, 2000) }
      end
    end
    cap:close()
  end
  return packets
end

local function corpus_of_all()
  local packets = {}
  for _, kinds in ipairs { frames.kinds(), tunnels.kinds() } do
    for _, bytes in pairs(kinds) do
      packets[#packets + 1] = { 1, bytes }
    end
  end
  for _, list in ipairs { frames.links(), links.judged(), links.unjudged() } do
    for _, link in ipairs(list) do
      packets[#packets + 1] = { link[1], link[3] }
    end
  end
  for _, each in ipairs(real_packets()) do
    packets[#packets + 1] = each
  end
  return packets
end

local corpus = corpus_of_all()

-- Changes some bytes, or takes some out, or repeats some; the same for the same seed.
local function mutate(bytes)
  for _ = 1, math.random(4) do
    local at, kind = math.random(#bytes), math.random(4)
    local left, right = bytes:sub(1, at - 1), bytes:sub(at + 1)
    if kind <= 2 then
      bytes = left .. string.char(math.random(0, 255)) .. right
    elseif kind == 3 and #bytes > 1 then
      bytes = left .. right
    else
      bytes = left .. bytes:sub(at, at + 7) .. bytes:sub(at)
    end
  end
  return bytes
end

describe("the decoder reads nothing outside of the packet", function()
  local put, free, pkt, by_linktype
  setup(function()
    put, free = guard.room(1048576)
    pkt = packet.new(0)
    by_linktype = setmetatable({}, { __index = function(self, linktype)
      self[linktype] = decode.layers(linktype)
      return self[linktype]
    end })
  end)
  teardown(function() free() end)

  local function try(linktype, bytes, wirelen)
    put(pkt, bytes, wirelen)
    touch(by_linktype[linktype](pkt), pkt)
    assert(#decode.summary(pkt, linktype) > 0)
  end

  it("when it is cut at any byte", function()
    for _, each in ipairs(corpus) do
      local linktype, bytes = each[1], each[2]
      for size = 0, math.min(#bytes, 160) do
        try(linktype, bytes:sub(1, size), #bytes)
        try(linktype, bytes:sub(1, size))
      end
    end
  end)

  it("when its bytes are mutated", function()
    math.randomseed(20240607)
    for _, each in ipairs(corpus) do
      for _ = 1, ROUNDS do
        local bytes = mutate(each[2])
        try(each[1], bytes, math.random(0, 3) == 0 and math.random(0, 2 ^ 32 - 1) or nil)
      end
    end
  end)

  it("when its bytes are random", function()
    math.randomseed(7)
    for _ = 1, ROUNDS * 20 do
      local bytes = {}
      for i = 1, math.random(0, 120) do
        bytes[i] = string.char(math.random(0, 255))
      end
      for _, linktype in ipairs(LINKTYPES) do
        try(linktype, table.concat(bytes))
      end
    end
  end)

  it("when each byte of a header takes each value", function()
    for _, bytes in pairs(frames.kinds()) do
      for at = 1, math.min(#bytes, 80) do
        for _, value in ipairs(VALUES) do
          try(1, bytes:sub(1, at - 1) .. string.char(value) .. bytes:sub(at + 1))
        end
      end
    end
  end)

  it("when its headers go on and on", function()
    local tags = frames.ethernet(0x8100, frames.vlan(1, 0x8100, ""):rep(200000))
    local hops = frames.ethernet(0x86dd, frames.ipv6(0, ("\0"):rep(500000)))
    try(1, tags)
    assert.equal("vlan: more than 16 tags", by_linktype[1].error)
    try(1, hops)
    assert.is_true(by_linktype[1].ip.header_size > 40000)
  end)

  it("nor does one of pcaplua's functions with a string", function()
    math.randomseed(11)
    for _, bytes in pairs(frames.kinds()) do
      for _ = 1, ROUNDS do
        local mutated = mutate(bytes)
        for _, name in ipairs { "ethernet", "ip", "tcp", "udp" } do
          local from = name == "ethernet" and 1 or name == "ip" and 15 or 35
          local header, message = decode["decode_" .. name](mutated:sub(from))
          assert(header and #header.content <= #mutated or type(message) == "string")
        end
      end
    end
  end)
end)

-- Each cut of each kind in memory of its own, some with a byte changed: valgrind sees any read
-- outside of it, and any decision made on what was never written.
local UNDER_VALGRIND = [[
local decode, ffi = require "pcap.decode", require "ffi"
local frames, packet = require "spec.support.frames", require "pcap.packet"
local tunnels = require "spec.support.tunnels"
ffi.cdef "void *malloc(size_t); void free(void *);"
math.randomseed(5)
local step = jit.status() and 23 or 5 -- compiled code is slow to begin with there
local layers = decode.layers()
local all = frames.kinds()
for name, bytes in pairs(tunnels.kinds()) do all[name] = bytes end
for _, bytes in pairs(all) do
  for size = 0, #bytes, step do
    local memory = ffi.cast("uint8_t *", ffi.C.malloc(math.max(size, 1)))
    ffi.copy(memory, bytes, size)
    if size > 20 then memory[math.random(12, size - 1)] = math.random(0, 255) end
    local pkt = packet.new(0)
    pkt.data, pkt.caplen, pkt.wirelen, pkt.linktype = memory, size, #bytes, 1
    layers(pkt):verify()
    layers:flow(true)
    layers:payload()
    decode.summary(pkt)
    ffi.C.free(memory)
  end
end
print "done"
]]

describe("valgrind", function()
  for _, mode in ipairs { "-joff", "-jon" } do
    it("finds nothing wrong in the decoder, " .. mode, function()
      if not shell.has "valgrind" then
        return pending("needs valgrind")
      end
      local folder, remove = shell.folder()
      finally(remove)
      local script = shell.write(folder .. "/decode.lua", UNDER_VALGRIND)
      local output, status = shell.try("LUA_PATH=%s LUA_CPATH=%s valgrind -q --error-exitcode=9 "
        .. (mode == "-jon" and "--undef-value-errors=no " or "") .. "luajit " .. mode .. " %s",
        package.path, package.cpath, script)
      assert.same({ "done\n", 0 }, { output, status })
    end)
  end
end)

describe("the guard page", function()
  it("ends a process that reads over a packet's end, so the specs above can fail", function()
    local _, status = shell.try([[luajit -e '
      package.path = "./?.lua;./lua/?.lua;./lua/?/init.lua;" .. package.path
      package.cpath = "./build/?.so;" .. package.cpath
      local put = require("spec.support.guard").room(100)
      local pkt = put(require("pcap.packet").new(0), "abc")
      print(pkt.data[3])']])
    assert.equal(139, status)
  end)
end)
