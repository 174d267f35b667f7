local misuse = require "spec.support.misuse"
local pcap = require "pcap"
local shell = require "spec.support.shell"

describe("open_dead", function()
  it("defaults to Ethernet and 65535 bytes", function()
    local cap = pcap.open_dead()
    assert.equal(1, cap:datalink())
    assert.equal(65535, cap:snapshot())
  end)

  it("takes a link type and a snaplen, of which 0 is 65535", function()
    local cap = pcap.open_dead(pcap.DLT.LINUX_SLL, 96)
    assert.equal(113, cap:datalink())
    assert.equal(96, cap:snapshot())
    assert.equal(65535, pcap.open_dead(nil, 0):snapshot())
    assert.equal(2 ^ 31 - 1, pcap.open_dead(1, 2 ^ 31 - 1):snapshot())
  end)

  it("takes link types that have no name", function()
    assert.equal(9999, pcap.open_dead(9999):datalink())
  end)

  it("refuses what is no link type or no snaplen", function()
    misuse(function() pcap.open_dead("EN10MB") end,
      "bad argument #1 to 'open_dead' (number expected, got string)")
    misuse(function() pcap.open_dead(-1) end,
      "bad argument #1 to 'open_dead' (integer from 0 to 2147483647 expected, got -1)")
    misuse(function() pcap.open_dead(1, -1) end,
      "bad argument #2 to 'open_dead' (integer from 0 to 2147483647 expected, got -1)")
    misuse(function() pcap.open_dead(1, 2 ^ 31) end,
      "bad argument #2 to 'open_dead' (integer from 0 to 2147483647 expected, got 2147483648)")
    misuse(function() pcap.open_dead(1, 0.5) end,
      "bad argument #2 to 'open_dead' (integer from 0 to 2147483647 expected, got 0.5)")
    misuse(function() pcap.open_dead(1, 0 / 0) end,
      "bad argument #2 to 'open_dead' (integer from 0 to 2147483647 expected, got "
      .. tostring(0 / 0) .. ")")
  end)

  it("gives a capture from which nothing can be read, again and again", function()
    local cap = pcap.open_dead()
    for _ = 1, 2 do
      for _, read in ipairs { cap.next, cap.next_packet } do
        local pkt, message = read(cap)
        assert.is_nil(pkt)
        assert.matches("pcap_open_dead", message)
      end
    end
    for _ in cap:packets() do
      error "a packet"
    end
    assert.matches("pcap_open_dead", cap:ending())
  end)

  it("gives a capture that neither sends nor has a descriptor", function()
    local cap = pcap.open_dead()
    local sent, message = cap:inject(("x"):rep(60))
    assert.is_nil(sent)
    assert.matches("pcap_open_dead", message)
    local fd, reason = cap:getfd()
    assert.is_nil(fd)
    assert.equal("pcap capture (dead EN10MB) has no selectable descriptor", reason)
  end)

  it("checks filter expressions", function()
    local cap = pcap.open_dead()
    assert.equal(cap, cap:set_filter("tcp port 80"))
    local set, message = cap:set_filter("tcp prt 80")
    assert.is_nil(set)
    assert.matches("syntax error", message)
  end)

  it("gives dump files its link type, snaplen and precision", function()
    local folder, remove = shell.folder()
    finally(remove)
    local cap = pcap.open_dead(pcap.DLT.USER3, 1234, { precision = "nano" })
    cap:dump_open(folder .. "/x"):close()
    assert.equal("\x4d\x3c\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xd2\4\0\0\x96\0\0\0",
      shell.read(folder .. "/x"))
    pcap.open_dead():dump_open(folder .. "/y"):close()
    assert.equal("\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\1\0\0\0",
      shell.read(folder .. "/y"))
  end)

  it("says in its messages what it is", function()
    assert.equal("pcap capture (dead EN10MB)", tostring(pcap.open_dead()))
    assert.equal("pcap capture (dead 9999)", tostring(pcap.open_dead(9999)))
  end)
end)
