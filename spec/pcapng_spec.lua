local pcap = require "pcap"
local shell = require "spec.support.shell"

local function le32(number)
  return string.char(number % 256, math.floor(number / 2 ^ 8) % 256,
    math.floor(number / 2 ^ 16) % 256, math.floor(number / 2 ^ 24) % 256)
end

-- A block as the pcapng specification has it: type, total length, body, total length again.
local function block(kind, body)
  body = body .. ("\0"):rep(-#body % 4)
  return le32(kind) .. le32(#body + 12) .. body .. le32(#body + 12)
end

local SECTION = block(0x0a0d0d0a, le32(0x1a2b3c4d) .. "\1\0\0\0" .. ("\255"):rep(8))

local function interface(linktype)
  return block(1, string.char(linktype, 0, 0, 0) .. le32(65535))
end

local function packet(index, data)
  return block(6, le32(index) .. le32(0) .. le32(1000000) .. le32(#data) .. le32(#data) .. data)
end

-- What a file of these blocks gives: its packets, and how it ended.
local function read(...)
  local folder, remove = shell.folder()
  finally(remove)
  local cap = assert(pcap.open_offline(shell.write(folder .. "/f.pcapng", SECTION
    .. table.concat { ... })))
  local list = {}
  for pkt in cap:packets() do
    list[#list + 1] = pkt:bytes()
  end
  return list, cap:ending()
end

describe("A pcapng file", function()
  it("of several interfaces of one link type is read whole", function()
    assert.same({ { "one", "two" }, "closed" }, { read(interface(1), packet(0, "one"),
      interface(1), packet(1, "two")) })
  end)

  it("of more than one link type is read whole, where libpcap ends", function()
    assert.same({ { "one", "two" }, "closed" }, { read(interface(1), packet(0, "one"),
      interface(113), packet(1, "two")) })
  end)
end)
