-- A packet points into memory that the next read may move or free. The read that finds no packet
-- empties it, and so does every other way in which its bytes go: it never shows other memory.

local decode = require "pcap.decode"
local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local process = require "spec.support.process"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local header, record = savefile.header, savefile.record
local folder, remove

local function is_empty(pkt)
  assert.is_true(pkt.data == nil)
  assert.equal(0, pkt.caplen)
  assert.equal("", pkt:bytes())
end

-- Ways to read one packet, if there is one.
local READS = {
  next = function(cap) cap:next() end,
  next_packet = function(cap) cap:next_packet() end,
  packets = function(cap) for _ in cap:packets(1) do end end,
  loop = function(cap) cap:loop(1, function() end) end,
  dispatch = function(cap) cap:dispatch(1, function() end) end,
}

local SHORT, LONG = record(("A"):rep(1000)), record(("B"):rep(200000))
local HEAD = header { snaplen = 262144 }

-- What may come behind a packet in hand, with nothing to give for the next read.
local RESTS = {
  ["nothing"] = "",
  ["a header that is cut off"] = SHORT:sub(1, 9),
  ["a packet that is cut off"] = LONG:sub(1, 150000),
  ["packets that the filter rejects"] = LONG:rep(3),
  ["rejected packets and a piece"] = LONG .. LONG:sub(1, 100000),
  ["a record that libpcap refuses"] = record("x", { caplen = 2 ^ 31 }),
}

-- Opens bytes in different ways.
local OPENS = {
  file = function(path) return pcap.open_offline(path) end,
  gzip = function(path)
    shell.run("gzip -kf %s", path)
    return pcap.open_offline(path .. ".gz")
  end,
  pipe = function(path) return pcap.open_offline(io.popen("cat " .. path)) end,
  reader = function(path)
    local reader = pcap.reader()
    reader:feed(shell.read(path))
    return reader:capture()
  end,
}

describe("A packet in hand is emptied", function()
  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  for what, rest in pairs(RESTS) do
    it("by a read that finds " .. what, function()
      local path = shell.write(folder .. "/in.pcap", HEAD .. SHORT .. rest)
      for how, open in pairs(OPENS) do
        for name, read in pairs(READS) do
          local cap = assert(assert(open(path)):set_filter "len <= 1000")
          local pkt = cap:next_packet()
          assert.equal(("A"):rep(1000), pkt:bytes())
          read(cap)
          assert.is_true(pkt.data == nil, how .. ", " .. name)
          is_empty(pkt)
          cap:close()
        end
      end
    end)
  end

  it("by breakloop(), and by close()", function()
    local path = shell.write(folder .. "/in.pcap", HEAD .. SHORT:rep(3))
    for _, open in pairs(OPENS) do
      local cap = assert(open(path))
      local pkt = cap:next_packet()
      cap:breakloop()
      assert.same({ nil, "break" }, { cap:next_packet() })
      is_empty(pkt)
      assert.equal(pkt, cap:next_packet())
      assert.equal(1000, pkt.caplen)
      cap:close()
      is_empty(pkt)
    end
  end)

  it("by a signal's handler that raises an error when bytes have been moved", function()
    local path = shell.write(folder .. "/in.pcap", HEAD .. SHORT .. LONG)
    local output = process.lua(([[
      local pcap = require "pcap"
      local pipe = io.popen "head -c 101000 %s; sleep 1; kill -INT $PPID; exec sleep 2"
      local cap = assert(pcap.open_offline(pipe))
      local pkt = cap:next_packet()
      print(pcall(cap.next, cap)) -- Ctrl-C in LuaJIT's program
      print(pkt.data == nil, pkt.caplen)
      os.exit(0)
    ]]):format(path), { prefix = "timeout --foreground 20" })
    assert.matches("^false\t.*interrupted!\ntrue\t0\n$", output)
  end)

  it("and is then an empty packet for whoever looks at it", function()
    local cap = pcap.open_offline(shell.write(folder .. "/in.pcap", HEAD .. SHORT))
    local layers, pkt = decode.layers(cap:datalink()), cap:next_packet()
    assert.is_nil((cap:next_packet()))
    is_empty(pkt)
    assert.equal("", pkt:bytes(1, 3))
    assert.equal("", pkt:copy():bytes())
    assert.is_false(pcap.compile("ip"):match(pkt))
    layers(pkt)
    assert.is_true((layers:payload() or "") == "")
    local dumper = pcap.open_dead():dump_open(folder .. "/out")
    misuse(function() dumper:dump(pkt) end,
      "bad argument #1 to 'dump' (the packet's capture has been closed or read on)")
  end)
end)
