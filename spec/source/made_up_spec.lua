-- A new source of packets is one file: here one that counts.

local capture = require "pcap.capture"
local ffi = require "ffi"
local none = require "pcap.source.none"
local pcap = require "pcap"
local shim = require "pcap.core.shim"

-- Packets of one byte each, the numbers from 1 to 5; then there are no more.
local counter = none.new { kind = "counter" }

function counter.fetch(cap, timeout)
  cap._timeouts[#cap._timeouts + 1] = timeout
  if cap._count == 5 then
    return capture.none(cap, "closed")
  end
  cap._count = cap._count + 1
  cap._byte[0] = cap._count
  local pkt = cap._packet
  pkt.data, pkt.caplen, pkt.wirelen, pkt.sec, pkt.nsec = cap._byte, 1, 1, cap._count, 0
  return pkt
end

function counter.wait()
  return true
end

local function open()
  local handle = capture.own(shim.luapcap_open_dead_with_tstamp_precision(pcap.DLT.RAW, 100, 0))
  return capture.new(counter, handle, "1 to 5",
    { _count = 0, _byte = ffi.new "uint8_t[1]", _timeouts = {}, _timeout = 7 })
end

describe("A made-up source", function()
  it("is read in every way", function()
    local cap = open()
    assert.same({ "\1", 1, 1 }, { cap:next() })
    assert.equal("\2", cap:next_packet():bytes())
    local list = {}
    for pkt in cap:packets() do list[#list + 1] = pkt:bytes() end
    assert.same({ "\3", "\4", "\5" }, list)
    assert.equal("closed", cap:ending())
    assert.same({ 0, "closed" }, { cap:loop(print) })
    assert.equal(7, cap._timeouts[1])
  end)

  it("has all methods of a capture", function()
    local cap = open()
    assert.equal("pcap capture (counter 1 to 5)", tostring(cap))
    assert.equal(pcap.DLT.RAW, cap:datalink())
    assert.equal(pcap.DLT.RAW, cap:next_packet().linktype)
    assert.is_true(cap:wait())
    assert.same({ nil, "pcap capture (counter 1 to 5) has no selectable descriptor" },
      { cap:getfd() })
    assert.same({ nil, "pcap capture (counter 1 to 5) is not a file" }, { cap:progress() })
    assert.is_true(cap:close())
    assert.has_error(function() cap:next() end)
  end)
end)
