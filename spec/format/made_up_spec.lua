-- A new format of savefiles is one file: here records of a length, in one byte, and as many bytes.

local capture = require "pcap.capture"
local ffi = require "ffi"
local pcap = require "pcap"
local savefile = require "pcap.source.savefile"
local shell = require "spec.support.shell"
local shim = require "pcap.core.shim"

local toy = { MAGIC_SIZE = 3, HEADER_SIZE = 3 }

function toy.matches(bytes)
  return ffi.string(bytes, 3) == "toy"
end

local function take(window, pkt)
  local pos = window.pos
  local length = pos < window.len and window.bytes[pos] or 256
  if pos + 1 + length > window.len then
    return false
  end
  pkt.data, pkt.caplen, pkt.wirelen = window.bytes + pos + 1, length, length
  window.pos = pos + 1 + length
  return true
end

local function is_short()
  return true
end

local function judge(_, window)
  return nil, window.pos == window.len and "closed" or "cut off"
end

function toy.open(window)
  window.pos = toy.HEADER_SIZE
  return capture.own(shim.luapcap_open_dead_with_tstamp_precision(1, 255, 0)),
    { state = false, take = take, is_short = is_short, judge = judge }
end

local BYTES = "toy" .. "\5first" .. "\0" .. "\5third"

local function contents(source)
  local list = {}
  for pkt in source:packets() do
    list[#list + 1] = pkt:bytes()
  end
  return list, source:ending()
end

describe("A made-up format", function()
  local folder, remove
  setup(function()
    folder, remove = shell.folder()
    table.insert(savefile.formats, 1, toy)
  end)
  teardown(function()
    table.remove(savefile.formats, 1)
    remove()
  end)

  it("is read from a file, a pipe and a compressed file", function()
    local path = shell.write(folder .. "/f.toy", BYTES)
    shell.run("gzip -k %s", path)
    local pipe = io.popen("cat " .. path)
    for _, place in ipairs { path, pipe, path .. ".gz" } do
      assert.same({ { "first", "", "third" }, "closed" },
        { contents(assert(pcap.open_offline(place))) })
    end
    pipe:close()
  end)

  it("is read in pieces", function()
    local reader = assert(pcap.reader())
    local list = {}
    for byte in BYTES:gmatch "." do
      reader:feed(byte)
      for pkt in reader:packets() do list[#list + 1] = pkt:bytes() end
      assert.equal("more", reader:ending())
    end
    assert.same({ "first", "", "third" }, list)
    assert.same({ {}, "closed" }, { contents(reader:finish()) })
    reader:close()
  end)

  it("says in its own words that a file is cut off, and takes filters", function()
    local path = shell.write(folder .. "/cut.toy", BYTES:sub(1, -2))
    local cap = assert(assert(pcap.open_offline(path)):set_filter "len = 0")
    assert.same({ { "" }, "cut off" }, { contents(cap) })
  end)
end)
