local ffi = require "ffi"
local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local shell = require "spec.support.shell"
-- The shim is linked with libpcap.
local libpcap = ffi.load(package.searchpath("pcap.shim", package.cpath))

ffi.cdef [[
  const char *luapcapspec_description(int) __asm__("pcap_datalink_val_to_description");
]]

describe("Names", function()
  it("of link types are those that tcpdump prints", function()
    -- "  EN10MB (Ethernet)", or without a device that has several, the same after "Data link types"
    local found = 0
    local list = shell.try("tcpdump --list-data-link-types -i lo")
    for name, description in list:gmatch "\n  ([A-Z0-9_]+) %(([^\n]+)%)" do
      local number = assert(pcap.datalink(name))
      assert.equal(name, pcap.datalink_name(number))
      assert.equal(description, pcap.datalink_description(number))
      found = found + 1
    end
    if found == 0 then pending("needs the right to capture on lo") end
  end)

  it("of link types are found in either case, and agree with pcap.DLT", function()
    for _, name in ipairs { "EN10MB", "RAW", "LINUX_SLL2", "PPP", "USER0", "USER15" } do
      assert.equal(pcap.DLT[name], pcap.datalink(name))
      assert.equal(pcap.DLT[name], pcap.datalink(name:lower()))
      assert.equal(name, pcap.datalink_name(pcap.DLT[name]))
    end
    assert.equal(ffi.string(libpcap.luapcapspec_description(pcap.DLT.RAW)),
      pcap.datalink_description(pcap.DLT.RAW))
  end)

  it("of time stamp types are those of pcap-tstamp(7)", function()
    local names = { [0] = "host", "host_lowprec", "host_hiprec", "adapter", "adapter_unsynced",
      "host_hiprec_unsynced" }
    for number, name in pairs(names) do
      assert.equal(name, pcap.tstamp_type_name(number))
      assert.equal(number, pcap.tstamp_type(name))
      assert.is_true(#pcap.tstamp_type_description(number) > 0)
    end
  end)

  it("that are not there are nil and a message", function()
    assert.same({ nil, "unknown link type: 9999" }, { pcap.datalink_name(9999) })
    assert.same({ nil, "unknown link type: -1" }, { pcap.datalink_description(-1) })
    assert.same({ nil, "unknown link type: ETHERNET" }, { pcap.datalink "ETHERNET" })
    assert.same({ nil, "unknown time stamp type: 99" }, { pcap.tstamp_type_name(99) })
    assert.same({ nil, "unknown time stamp type: 99" }, { pcap.tstamp_type_description(99) })
    assert.same({ nil, "unknown time stamp type: clock" }, { pcap.tstamp_type "clock" })
  end)

  it("are asked for with numbers and strings", function()
    misuse(function() pcap.datalink_name "EN10MB" end,
      "bad argument #1 to 'datalink_name' (number expected, got string)")
    misuse(function() pcap.tstamp_type_description(0.5) end,
      "bad argument #1 to 'tstamp_type_description' (integer from -2147483648 to 2147483647 "
      .. "expected, got 0.5)")
    misuse(function() pcap.datalink(1) end,
      "bad argument #1 to 'datalink' (string expected, got number)")
    misuse(function() pcap.tstamp_type "ho\0st" end,
      "bad argument #1 to 'tstamp_type' (string contains a NUL byte)")
  end)
end)
