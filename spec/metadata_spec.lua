-- What a capture tells beside its packets.

local ffi = require "ffi"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove

local function write(bytes)
  return shell.write(folder .. "/f.pcapng", bytes)
end

local function open(bytes, opts)
  return assert(pcap.open_offline(write(bytes), opts))
end

local function drain(cap)
  local list = {}
  for pkt in cap:packets() do
    list[#list + 1] = pkt:bytes()
  end
  return list, cap:ending()
end

-- A file with all that can be told, in two sections.
local function everything(w)
  return w:section { { 1, "first" }, { 2, "a machine" }, { 3, "an OS" }, { 4, "spec" } }
    .. w:interface(1, 100, { { 2, "eth0" }, { 3, "uplink" }, { 1, "an interface" }, { 9, "\9" },
      { 11, "\0tcp port 80" }, { 12, "Linux" }, { 6, "\2\0\0\0\0\1" },
      { 4, "\192\0\2\1\255\255\255\0" }, { 8, w:word(1e9, 8) }, { 13, "\4" },
      { 14, ("\255"):rep(8) } })
    .. w:interface(113, 50)
    .. w:packet "one"
    .. w:block(4, w:word(1, 2) .. w:word(8, 2) .. "\127\0\0\1one\0" .. w:word(2, 2) .. w:word(20, 2)
      .. ("\0"):rep(15) .. "\1two\0" .. ("\0"):rep(4))
    .. w:block(10, w:word(0x544c534b, 4) .. w:word(6, 4) .. "secret")
    .. w:block(5, w:word(0, 4) .. ("\0"):rep(8) .. w:options { { 4, w:word(10, 8) },
      { 5, w:word(2, 8) }, { 2, w:word(0, 4) .. w:word(2e9, 4) } })
    .. w:packet("two", { interface = 1 })
    .. w:section() .. w:interface(101, 9) .. w:packet "three"
end

describe("A pcapng capture", function()
  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  for _, big in ipairs { false, true } do
    it("tells of its interfaces, as far as the file has, big-endian: " .. tostring(big), function()
      local cap = open(everything(pcapng_file.writer(big)))
      assert.equal(2, #cap:interfaces()) -- before the first packet
      assert(cap:next())
      local first = cap:interfaces()[1]
      assert.is_nil(first.received)
      assert.same({ { "two", "three" }, "closed" }, { drain(cap) })
      local list = cap:interfaces()
      assert.same({ 1, 113, 12 }, { list[1].linktype, list[2].linktype, list[3].linktype })
      assert.same({ number = 1, linktype = 1, snaplen = 100, name = "eth0", description = "uplink",
        comment = "an interface", comments = { "an interface" }, filter = "tcp port 80",
        os = "Linux", mac = "02:00:00:00:00:01", speed = 1e9, fcslen = 4, tsresol = 9,
        tsoffset = -1, addresses = { { address = "192.0.2.1", netmask = "255.255.255.0" } },
        received = 10, dropped = 2, started = 1 }, list[1])
      assert.same({ number = 2, linktype = 113, snaplen = 50, tsresol = 6, tsoffset = 0 }, list[2])
    end)

    it("tells of the section that is read, big-endian: " .. tostring(big), function()
      local cap = open(everything(pcapng_file.writer(big)))
      local swapped = big == ffi.abi("le")
      assert.same({ hardware = "a machine", os = "an OS", application = "spec", comment = "first",
        comments = { "first" }, swapped = swapped, byte_order = big and "big" or "little",
        major = 1, minor = 0 }, cap:section())
      assert.equal(swapped, cap:is_swapped())
      assert.same({ 1, 0 }, { cap:version() })
      drain(cap)
      assert.is_nil(cap:section().application)
    end)
  end

  it("tells names and secrets as far as the file has", function()
    local cap = open(everything(pcapng_file.writer(false)))
    assert.same({ {}, {} }, { cap:names(), cap:secrets() })
    drain(cap)
    assert.same({ { address = "127.0.0.1", names = { "one" } },
      { address = "::1", names = { "two" } } }, cap:names())
    assert.same({ { type = 0x544c534b, data = "secret" } }, cap:secrets())
  end)

  it("has nothing in empty blocks of names and secrets", function()
    for _, big in ipairs { false, true } do
      local w = pcapng_file.writer(big)
      local cap = open(w:section() .. w:interface(1, 100) .. w:block(4, "") .. w:block(10, "")
        .. w:block(5, "") .. w:packet "one")
      assert.same({ { "one" }, "closed" }, { drain(cap) })
      assert.same({ {}, {} }, { cap:names(), cap:secrets() })
    end
  end)

  it("gives blocks of no known type on request, before the packet that follows them", function()
    local w = pcapng_file.writer(false)
    local custom, other = w:block(0xbad, w:word(1, 4) .. "data"), w:block(0x7000, "1234")
    local bytes = w:section() .. custom .. w:interface(1, 100) .. w:packet "one" .. custom .. other
      .. w:packet "two"
    local cap = open(bytes, { blocks = true })
    assert.same({ { type = 0xbad, bytes = custom, swapped = false } }, (cap:blocks()))
    assert.equal("one", (cap:next()))
    assert.same({}, (cap:blocks()))
    assert.equal("two", (cap:next()))
    local list, lost = cap:blocks()
    assert.same({ custom, other, 0 }, { list[1].bytes, list[2].bytes, lost })
    cap = open(bytes)
    drain(cap)
    assert.same({ {}, 0 }, { cap:blocks() })
    local reader = pcap.reader { blocks = true }
    reader:feed(bytes)
    drain(reader)
    assert.equal(3, #(reader:capture():blocks()))
  end)

  it("is its first interface where a capture has one link type", function()
    local w = pcapng_file.writer(false)
    local cap = open(w:section() .. w:interface(113, 50) .. w:interface(1, 100))
    assert.same({ 113, 50 }, { cap:datalink(), cap:snapshot() })
  end)
end)

describe("A capture of another kind", function()
  it("tells of its one interface", function()
    folder, remove = shell.folder()
    finally(remove)
    local cap = open(savefile.header { big = true, snaplen = 77, linktype = 113 },
      { precision = "nano" })
    assert.same({ { number = 1, linktype = 113, snaplen = 77, tsresol = 6, tsoffset = 0 } },
      cap:interfaces())
    assert.equal(9, open(savefile.header { magic = 0xa1b23c4d }):interfaces()[1].tsresol)
    assert.same({ swapped = ffi.abi("le"), byte_order = "big", major = 2, minor = 4 },
      cap:section())
    assert.same({ {}, {}, {} }, { cap:names(), cap:secrets(), (cap:blocks()) })
    local dead = pcap.open_dead(1, 100)
    assert.same({ { number = 1, linktype = 1, snaplen = 100, tsresol = 6, tsoffset = 0 } },
      dead:interfaces())
    assert.equal(ffi.abi("le") and "little" or "big", dead:section().byte_order)
  end)
end)
