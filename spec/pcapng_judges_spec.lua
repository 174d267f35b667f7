-- What tshark reads of pcapng that libpcap refuses, and what many blocks cost.

local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local tshark = require "spec.support.tshark"

local folder, remove

-- A file whose sections and interfaces differ in all that may differ.
local function different()
  local parts = {}
  for i, big in ipairs { false, true, false } do
    local w = pcapng_file.writer(big)
    parts[#parts + 1] = w:section { { 1, "section " .. i } }
    for number, interface in ipairs { { 1, 262144, 6 }, { 101, 96, 9 }, { 113, 0, 3 },
      { 1, 64, 128 + 20 } } do
      local linktype, snaplen, resolution = unpack(interface)
      parts[#parts + 1] = w:interface(linktype, snaplen, { { 9, string.char(resolution) } })
      for _, high in ipairs { 1, 395000 } do
        parts[#parts + 1] = w:packet(("data"):rep(number), { interface = number - 1, high = high,
          low = 1234567 * i, wirelen = 1500 })
      end
    end
    parts[#parts + 1] = w:obsolete("old", { interface = 1, high = 395000, low = 7 })
      .. w:simple "simple"
  end
  return table.concat(parts)
end

-- By packet: seconds and nanoseconds, lengths, the interface as tshark counts: from 0 in each
-- section.
local function theirs(path)
  local list = {}
  for i, packet in ipairs(tshark.fields(path, { "frame.time_epoch", "frame.cap_len", "frame.len",
    "frame.interface_id" })) do
    list[i] = { packet["frame.time_epoch"][1] or "0.000000000", packet["frame.cap_len"][1],
      packet["frame.len"][1], packet["frame.interface_id"][1] }
  end
  return list
end

local function ours(path, interfaces)
  local cap, list = assert(pcap.open_offline(path, { precision = "nano" })), {}
  for pkt in cap:packets() do
    local interface = pkt.interface - 1
    list[#list + 1] = { ("%.0f.%09.0f"):format(pkt.sec, pkt.nsec), tostring(pkt.caplen),
      tostring(pkt.wirelen), tostring(interfaces and interface % interfaces or interface) }
  end
  return list, cap:ending()
end

-- Asserts that tshark reads the same of a file with so many interfaces in each section, or with one
-- section.
local function assert_read(path, interfaces)
  local list, ending = ours(path, interfaces)
  assert.equal("closed", ending)
  assert.same(theirs(path), list)
  return #list
end

describe("A pcapng file", function()
  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  it("whose interfaces and sections differ is what tshark reads", function()
    shell.needs "tshark"
    local path = shell.write(folder .. "/different.pcapng", different())
    assert.equal(30, assert_read(path, 4))
  end)

  it("of a public suite is what tshark reads", function()
    shell.needs "tshark"
    local count = 0
    for _, path in ipairs(savefile.real "../shared/files/pcapng-suite") do
      if shell.read(path):sub(1, 4) == "\10\13\13\10" then
        count = count + 1
        assert_read(path)
      end
    end
    if count == 0 then
      return pending "no pcapng captures in ../shared/files/pcapng-suite or PCAP_CAPTURES"
    end
  end)
end)

describe("Many blocks of a pcapng file", function()
  local w = pcapng_file.writer(false)
  local head = w:section() .. w:interface(1, 100)

  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  local function only(bytes)
    local cap = assert(pcap.open_offline(shell.write(folder .. "/many.pcapng", bytes)))
    local pkt, reason = cap:next_packet()
    return assert(pkt, reason), cap
  end

  it("may be comments: 65,536 of one packet", function()
    local options = {}
    for i = 1, 65536 do options[i] = { 1, "c" .. i % 10 } end
    local pkt = only(head .. w:packet("a", { options = options }))
    assert.equal("c1", pkt:comment())
    local comments = pkt:copy():comments()
    assert.same({ 65536, "c6" }, { #comments, comments[65536] })
  end)

  it("may be interfaces: 100,000", function()
    local pkt, cap = only(head .. w:interface(1, 100):rep(99999)
      .. w:packet("a", { interface = 99999 }))
    assert.equal(100000, pkt.interface)
    assert.equal(100000, #cap:interfaces())
  end)

  it("may be sections: 100,000", function()
    assert.equal(100000, only(head:rep(100000) .. w:packet "a").interface)
  end)

  it("may be empty: 1,000,000, which take no memory", function()
    local empty = w:block(0x7000, ""):rep(1000000)
    local path = shell.write(folder .. "/empty.pcapng", w:section() .. empty .. w:interface(1, 100)
      .. empty .. w:packet "a")
    collectgarbage()
    local before = process.resident()
    local cap = assert(pcap.open_offline(path))
    assert.equal("a", (cap:next()))
    assert.is_true(process.resident() - before < 4e6)
  end)

  it("may be names: those above 16 MB are not kept", function()
    local name = w:block(4, w:word(1, 2) .. w:word(60004, 2) .. "\127\0\0\1" .. ("n"):rep(59999)
      .. "\0" .. ("\0"):rep(4))
    local _, cap = only(head .. name:rep(400) .. w:packet "a")
    local count = #cap:names()
    assert.is_true(count > 250 and count < 300)
  end)
end)
