local pcap = require "pcap"

describe("tv2secs and secs2tv", function()
  it("are each other's inverse at the ends of every second that a double can tell", function()
    for _, sec in ipairs { 0, 1, 1700000000, 2 ^ 31, 2 ^ 32, 2 ^ 33 - 1 } do
      for usec = 0, 999999 do
        local s, u = pcap.secs2tv(pcap.tv2secs(sec, usec))
        if s ~= sec or u ~= usec then
          error(("%d.%06d came back as %d.%06d"):format(sec, usec, s, u))
        end
      end
    end
  end)

  it("carry when the microseconds round up to a second", function()
    assert.same({ 1, 0 }, { pcap.secs2tv(0.9999999) })
    assert.same({ 0, 0 }, { pcap.secs2tv(-0.0000001) })
  end)

  it("keep microseconds from 0 to 999999 before 1970 too", function()
    assert.same({ -1, 500000 }, { pcap.secs2tv(-0.5) })
    assert.equal(-0.5, pcap.tv2secs(-1, 500000))
    for usec = 0, 999999, 7 do
      assert.same({ -3, usec }, { pcap.secs2tv(pcap.tv2secs(-3, usec)) })
    end
  end)

  it("take strings of digits for numbers, as Lua's own library does", function()
    assert.equal(1.000002, pcap.tv2secs("1", " 2 "))
    assert.same({ 1, 500000 }, { pcap.secs2tv("1.5") })
    assert.same({ 16, 0 }, { pcap.secs2tv("0x10") })
    for _, bad in ipairs { "", " ", "1s", "1 2", "nan", "inf", "1e999" } do
      assert.is_false(pcall(pcap.secs2tv, bad), bad)
    end
  end)

  it("refuse what is not a finite number", function()
    for _, bad in ipairs { 0 / 0, math.huge, -math.huge } do
      assert.has_error(function() pcap.secs2tv(bad) end,
        "bad argument #1 to 'secs2tv' (finite number expected, got " .. tostring(bad) .. ")")
      assert.has_error(function() pcap.tv2secs(0, bad) end,
        "bad argument #2 to 'tv2secs' (finite number expected, got " .. tostring(bad) .. ")")
    end
    assert.has_error(function() pcap.secs2tv("one") end,
      "bad argument #1 to 'secs2tv' (number expected, got string)")
  end)
end)
