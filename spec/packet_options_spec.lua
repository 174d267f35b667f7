-- What a pcapng block tells of its packet. The blocks are made by hand, as the specification has
-- them.

local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove

local function open(bytes)
  return assert(pcap.open_offline(shell.write(folder .. "/f.pcapng", bytes)))
end

-- A file of one packet with options: by byte order.
local function first(big, options, obsolete)
  local w = pcapng_file.writer(big)
  local list = options(w)
  return open(w:section() .. w:interface(1, 100)
    .. (obsolete and w:obsolete("abc", { options = list, drops = obsolete })
      or w:packet("abc", { options = list }))):next_packet()
end

local function everything(w)
  return { { 1, "one" }, { 2, w:word(2, 4) }, { 1, "zwei \xc3\xa4" }, { 4, w:word(7, 8) },
    { 5, w:word(41, 8) }, { 3, "\2\1\2\3\4" }, { 7, "\1" .. ("v"):rep(8) } }
end

local function assert_everything(pkt, w)
  assert.equal("one", pkt:comment())
  assert.same({ "one", "zwei \xc3\xa4" }, pkt:comments())
  assert.equal("out", pkt.direction)
  assert.equal(7, pkt:dropped())
  assert.equal(41, pkt:id())
  assert.same({ type = 2, data = "\1\2\3\4" }, pkt:hash())
  assert.same({ type = 1, data = ("v"):rep(8) }, pkt:verdict())
  local list = pkt:options()
  assert.equal(7, #list)
  assert.same({ code = 4, value = w:word(7, 8) }, list[4])
end

describe("A packet of a pcapng file", function()
  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  for _, big in ipairs { false, true } do
    it("tells what its options say, big-endian: " .. tostring(big), function()
      local w = pcapng_file.writer(big)
      local pkt = first(big, everything)
      assert_everything(pkt, w)
      local copy = pkt:copy()
      pkt = nil -- luacheck: ignore
      collectgarbage()
      assert_everything(copy, w)
      assert_everything(copy:copy(), w)
      assert.equal("abc", copy:bytes())
    end)
  end

  it("has its comment when tshark has it", function()
    shell.needs "tshark"
    first(false, everything)
    assert.equal("one,zwei \xc3\xa4\n", shell.run("tshark -r %s -T fields -e frame.comment "
      .. "2>/dev/null", folder .. "/f.pcapng"))
  end)

  it("tells nothing where there are no options", function()
    local pkt = first(false, function() return {} end)
    assert.same({ nil, nil, nil, nil, nil, nil, n = 6 }, { n = 6, pkt:comment(), pkt.direction,
      pkt:dropped(), pkt:id(), pkt:hash(), pkt:verdict() })
    assert.same({ {}, {} }, { pkt:comments(), (pkt:options()) })
  end)

  it("of an obsolete block has its count of lost packets there", function()
    local none = function() return {} end
    assert.equal(3, first(false, none, 3):dropped())
    assert.equal(3, first(true, none, 3):copy():dropped())
    assert.is_nil(first(false, none, 0xffff):dropped())
    assert.equal("in", first(true, function(w) return { { 2, w:word(1, 4) } } end, 3).direction)
  end)

  it("says where an option runs out of its block, and what stood before", function()
    local pkt = first(false, function() return { { 1, "good" }, { 1, "cut" } } end)
    local cut = pkt:copy()
    cut.options_length = 12
    assert.same({ { { code = 1, value = "good" } },
      "option 1 has 3 bytes, but its block only 0" }, { cut:options() })
    assert.same({ "good" }, cut:comments())
  end)

  it("gives no longer what it told when it has been emptied", function()
    local w = pcapng_file.writer(false)
    local cap = open(w:section() .. w:interface(1, 100)
      .. w:packet("abc", { options = everything(w) }))
    local pkt = cap:next_packet()
    assert.is_nil((cap:next_packet()))
    assert.is_nil(pkt:comment())
    assert.is_nil(pkt.direction)
    assert.same({}, (pkt:options()))
  end)

  it("is told apart from what is none", function()
    local pkt = first(false, everything)
    misuse(function() pkt.comment {} end,
      "calling 'comment' on bad self (pcap packet expected, got table)")
  end)
end)

describe("A packet of a classic file", function()
  it("answers the same calls with nothing", function()
    folder, remove = shell.folder()
    finally(remove)
    local pkt = open(savefile.header() .. savefile.record "abc"):next_packet()
    assert.same({ {}, {} }, { pkt:comments(), (pkt:options()) })
    for _, name in ipairs { "comment", "dropped", "id", "verdict", "hash" } do
      assert.is_nil(pkt[name](pkt), name)
    end
    assert.is_nil(pkt.direction)
  end)
end)
