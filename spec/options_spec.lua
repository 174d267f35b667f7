local misuse = require "spec.support.misuse"
local pcap = require "pcap"

describe("A table of options", function()
  it("may be left out or empty", function()
    assert.is_truthy(pcap.open_dead(1, 0, nil))
    assert.is_truthy(pcap.open_dead(1, 0, {}))
  end)

  it("must be a table", function()
    misuse(function() pcap.open_dead(1, 0, "nano") end,
      "bad argument #3 to 'open_dead' (table expected, got string)")
    misuse(function() pcap.open_offline("x", true) end,
      "bad argument #2 to 'open_offline' (table expected, got boolean)")
  end)

  it("has no option but the known ones", function()
    misuse(function() pcap.open_offline("x", { precison = "nano" }) end,
      "bad argument #2 to 'open_offline' (unknown option 'precison')")
    misuse(function() pcap.open_dead(1, 0, { "nano" }) end,
      "bad argument #3 to 'open_dead' (unknown option '1')")
    misuse(function() pcap.open_live { dev = "lo" } end,
      "bad argument #1 to 'open_live' (unknown option 'dev')")
  end)

  it("has a value of its kind for each", function()
    misuse(function() pcap.open_offline("x", { precision = "pico" }) end,
      [[bad argument #2 to 'open_offline' (option 'precision': "micro" or "nano" expected, ]]
      .. [[got "pico")]])
    misuse(function() pcap.open_live { device = 1 } end,
      "bad argument #1 to 'open_live' (option 'device': string without NUL bytes expected, got 1)")
    misuse(function() pcap.open_live { device = "l\0o" } end,
      "bad argument #1 to 'open_live' (option 'device': string without NUL bytes expected, "
      .. ("got %q)"):format("l\0o"))
    misuse(function() pcap.open_live { timeout = -1 } end,
      "bad argument #1 to 'open_live' (option 'timeout': seconds expected, got -1)")
    misuse(function() pcap.open_live { snaplen = 1.5 } end,
      "bad argument #1 to 'open_live' (option 'snaplen': integer from 0 to 2147483647 expected, "
      .. "got 1.5)")
    misuse(function() pcap.open_live { promisc = 1 } end,
      "bad argument #1 to 'open_live' (option 'promisc': boolean expected, got 1)")
  end)

  it("is checked for NaN like any number", function()
    local nan = tostring(0 / 0)
    misuse(function() pcap.open_live { timeout = 0 / 0 } end,
      "bad argument #1 to 'open_live' (option 'timeout': seconds expected, got " .. nan .. ")")
    misuse(function() pcap.open_live { buffer_size = 0 / 0 } end,
      "bad argument #1 to 'open_live' (option 'buffer_size': integer from 1 to 2147483647 "
      .. "expected, got " .. nan .. ")")
  end)
end)
