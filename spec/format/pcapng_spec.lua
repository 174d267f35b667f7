local pcap = require "pcap"
local mutants = require "spec.support.pcapng_mutants"
local pcapng_file = require "spec.support.pcapng_file"
local reader = require "spec.support.reader"
local shell = require "spec.support.shell"

local folder, remove, libpcap

-- A small generator, so that a seed gives the same files everywhere.
local function generator(seed)
  local state = seed
  return function(largest)
    state = (state * 1103515245 + 12345) % 2 ^ 31
    return math.floor(state / 65536) % largest + 1
  end
end

local function read_all(text)
  local cap = assert(pcap.open_offline(shell.write(folder .. "/f.pcapng", text)))
  local list = {}
  for pkt in cap:packets() do
    list[#list + 1] = { pkt:bytes(), pkt.linktype, pkt.interface }
  end
  return list, cap:ending(), cap
end

describe("The pcapng format", function()
  setup(function()
    folder, remove = shell.folder()
    libpcap = reader.libpcap(folder)
  end)
  teardown(function() remove() end)

  it("reads every kind of block, resolution and byte order as libpcap does", function()
    local texts = {}
    for _, linktype in ipairs { 1, 101, 113, 189, 220, 239 } do
      table.insert(texts, pcapng_file.every_kind(false, linktype))
      table.insert(texts, pcapng_file.every_kind(true, linktype))
    end
    assert.is_nil(mutants.compare(libpcap, folder, texts, generator(1)))
  end)

  it("reads damaged files as libpcap does, whole and in pieces", function()
    local random, texts = generator(2), {}
    local whole = { pcapng_file.every_kind(false), pcapng_file.every_kind(true) }
    for i = 1, 300 do
      texts[i] = mutants.make(whole, random)
    end
    assert.is_nil(mutants.compare(libpcap, folder, texts, random))
  end)

  it("refuses a packet before any interface as libpcap does, however short it is", function()
    local texts = {}
    for _, kind in ipairs { 2, 3, 6 } do
      for _, size in ipairs { 0, 4, 16, 20 } do
        local w = pcapng_file.writer(false)
        table.insert(texts, w:section() .. w:block(kind, ("\0"):rep(size)))
      end
    end
    assert.is_nil(mutants.compare(libpcap, folder, texts, generator(3)))
  end)

  it("reads interfaces that differ, and sections of both byte orders", function()
    local little, big = pcapng_file.writer(false), pcapng_file.writer(true)
    local list, ending = read_all(little:section() .. little:interface(1, 100)
      .. little:interface(113, 50) .. little:packet("one") .. little:packet("two",
      { interface = 1 }) .. big:section() .. big:interface(101, 9) .. big:packet("three"))
    assert.same({ { "one", 1, 1 }, { "two", 113, 2 }, { "three", 12, 3 } }, list)
    assert.equal("closed", ending)
  end)

  it("names the offset of a bad block in a file that libpcap refuses", function()
    local w = pcapng_file.writer(false)
    local good = w:section() .. w:interface(1, 100) .. w:interface(113, 100)
    local list, ending = read_all(good .. w:packet("one", { interface = 7 }))
    assert.same({}, list)
    assert.matches("interface 7.*%(block at offset " .. #good .. "%)$", ending)
  end)

  it("names the offset of a section's bad header if it has another byte order", function()
    local little, big = pcapng_file.writer(false), pcapng_file.writer(true)
    local good = little:section() .. little:interface(1, 100) .. little:packet "one"
    local header = big:section()
    for problem, bad in pairs {
      ["length of 1 < 12"] = header:sub(1, 4) .. "\0\0\0\1" .. header:sub(9),
      ["tried to read 20 bytes, only got 16"] = header:sub(1, 24),
    } do
      local list, ending = read_all(good .. bad)
      assert.equal("one", list[1][1])
      assert.matches(problem .. " %(block at offset " .. #good .. "%)$", ending)
    end
  end)

  it("filters each packet by its own link type", function()
    local w = pcapng_file.writer(false)
    local ip = "E\0\0\20" .. ("\0"):rep(5) .. "\17" .. ("\0"):rep(10)
    local ethernet = ("\0"):rep(12) .. "\8\0" .. ip
    local bytes = w:section() .. w:interface(1, 100) .. w:packet(ethernet) .. w:packet "arp"
      .. w:interface(101, 100) .. w:packet(ip, { interface = 1 })
      .. w:packet(ethernet, { interface = 1 }) .. w:packet(ethernet)
    local path = shell.write(folder .. "/f.pcapng", bytes)
    for _, way in ipairs { "before", "after" } do
      local cap, list = assert(pcap.open_offline(path)), {}
      if way == "after" then
        assert(cap:next() and cap:next() and cap:next())
      end
      assert(cap:set_filter "udp")
      for pkt in cap:packets() do
        list[#list + 1] = pkt.linktype .. " " .. pkt:bytes()
      end
      local all = { "1 " .. ethernet, "12 " .. ip, "1 " .. ethernet }
      assert.same(way == "before" and all or { all[3] }, list)
    end
  end)

  it("rejects packets whose link type cannot have the filter, if another can", function()
    local w = pcapng_file.writer(false)
    local bytes = w:section() .. w:interface(147, 100) .. w:interface(1, 100) .. w:packet "user"
      .. w:packet(("\0"):rep(12) .. "\8\0", { interface = 1 }) .. w:packet "user"
    local path = shell.write(folder .. "/f.pcapng", bytes)
    local cap = assert(pcap.open_offline(path))
    assert(cap:set_filter "ip")
    assert.equal(14, #cap:next())
    assert.same({ nil, "closed" }, { cap:next() })
    cap = assert(pcap.open_offline(path))
    local set, message = cap:set_filter "nonsense of words"
    assert.is_nil(set)
    assert.equal(select(2, pcap.compile("nonsense of words", { linktype = 147 })), message)
    assert.equal("user", (cap:next()))
  end)
end)
