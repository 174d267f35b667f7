local ffi = require "ffi"
local net = require "spec.support.net"
local pcap = require "pcap"
local shell = require "spec.support.shell"

describe("A pcapng dumper of a live capture", function()
  it("tells the interface, and what was counted on it when it is closed", function()
    if not net.require_privilege(pending) then
      return
    end
    local folder, remove_folder = shell.folder()
    local a, b, remove = net.veth()
    finally(function()
      remove()
      remove_folder()
    end)
    local out = folder .. "/out.pcapng"
    local from, cap = assert(pcap.open_live(a)), assert(pcap.open_live(b, 0, false, 2))
    assert(cap:set_filter "ether proto 0x88b5")
    local before = os.time()
    local dumper = assert(cap:dump_open(out, { format = "pcapng" }))
    for i = 1, 5 do
      assert(from:inject(net.frame("number " .. i)))
    end
    for pkt in cap:packets(5) do
      assert(dumper:dump(pkt))
    end
    local counted = assert(cap:stats())
    assert.is_true(counted.received >= 5)
    assert(dumper:close())
    cap:close()
    from:close()
    local info = shell.run("capinfos %s", out)
    for _, line in ipairs { "Number of packets: +5", "Name = " .. b, "Operating system = ",
      "Filter string = ether proto 0x88b5", "Number of stat entries = 1" } do
      assert.matches(line, info)
    end
    -- The last block of the file: the interface's number, a time, and options.
    local size = 8 + 12 + 12 + 12 + 12 + 12 + 4 + 4
    local block = shell.read(out):sub(-size)
    local numbers = ffi.cast("const uint32_t *", block)
    local function count(at)
      return tonumber(ffi.cast("const uint64_t *", numbers + at)[0])
    end
    local function time(at)
      return (numbers[at] * 2 ^ 32 + numbers[at + 1]) / 1e6
    end
    assert.same({ 5, size, 0 }, { numbers[0], numbers[1], numbers[2] })
    assert.is_true(time(6) >= before and time(6) <= time(9))
    assert.is_true(time(9) == time(3) and time(9) <= os.time() + 1)
    assert.same({ counted.received, counted.dropped }, { count(12), count(15) })
    assert.equal(size, #block)
  end)
end)
