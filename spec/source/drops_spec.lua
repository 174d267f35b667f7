-- open_live's option on_drop, over a veth pair.

local net = require "spec.support.net"
local pcap = require "pcap"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

describe("on_drop #live", function()
  local COUNT = 20000
  local a, b, remove, packets, remove_folder
  setup(function()
    if net.is_privileged() then
      local folder
      folder, remove_folder = shell.folder()
      packets = traffic.write(folder .. "/numbered.pcap", COUNT)
      a, b, remove = net.veth()
    end
  end)
  teardown(function()
    if remove then
      remove()
      remove_folder()
    end
  end)

  -- The smallest buffer there is: two blocks of 256 KB hold some 2,700 packets.
  local function open(on_drop)
    local cap = assert(pcap.open_live { device = a, buffer_size = 262144, timeout = 0.3,
      on_drop = on_drop })
    return (assert(cap:set_filter(traffic.FILTER)))
  end

  local function count(cap)
    local read = 0
    for _ in cap:packets() do
      read = read + 1
    end
    return read
  end

  it("is told how many packets were lost, and of each only once", function()
    if not net.require_privilege(pending) then return end
    local told, capture = {}, nil
    local cap = open(function(dropped, which)
      told[#told + 1], capture = dropped, which
    end)
    traffic.replay(packets, b, 100000)
    local read = count(cap)
    assert.same({ COUNT - read }, told)
    assert.equal(COUNT - read, cap:stats().dropped)
    assert.equal(cap, capture)
    traffic.replay(packets, b, 100000)
    shell.run "sleep 1"
    read = read + count(cap)
    assert.equal(2, #told)
    assert.equal(2 * COUNT - read, told[1] + told[2])
    assert.equal(0, count(cap))
    shell.run "sleep 1"
    assert.equal(0, count(cap))
    assert.equal(2, #told)
  end)

  it("is told at most once a second, also by a loop that is never done", function()
    if not net.require_privilege(pending) then return end
    local told, clock = {}, require("pcap.core.shim").luapcap_monotonic
    local cap = open(function(dropped) told[#told + 1] = { clock(), dropped } end)
    local finish = traffic.start(packets, b, 6000)
    for _ in cap:packets() do
      local till = clock() + 0.0005
      while clock() < till do end
    end
    assert.equal(COUNT, (finish()))
    assert.is_true(#told >= 2, #told)
    for i = 2, #told do
      assert.is_true(told[i][1] - told[i - 1][1] >= 1)
      assert.is_true(told[i][2] > 0)
    end
  end)

  it("may raise an error, which the read raises, and may close the capture", function()
    if not net.require_privilege(pending) then return end
    local cap = open(function() error("too slow", 0) end)
    traffic.replay(packets, b, 100000)
    assert.same({ false, "too slow" }, { pcall(count, cap) })
    count(cap) -- raises no other
    cap = open(function(_, which) which:close() end)
    traffic.replay(packets, b, 100000)
    assert.is_true(count(cap) < COUNT)
    assert.matches("closed", tostring(cap))
  end)

  it("is not called where nothing is lost", function()
    if not net.require_privilege(pending) then return end
    local cap = assert(pcap.open_live { device = a, on_drop = function() error "lost" end })
    assert(cap:set_filter(traffic.FILTER))
    traffic.replay(packets, b, 50000)
    shell.run "sleep 0.1"
    assert.equal(COUNT, count(cap))
  end)
end)
