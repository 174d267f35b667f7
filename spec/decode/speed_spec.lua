-- That decoding compiles, and leaves no garbage: both measured in a process of their own, where
-- nothing else has been compiled, and told as ratios.

local frames = require "spec.support.frames"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local PACKETS = 200000

local SCRIPT = [[
local pcap, shim = require "pcap", require "pcap.shim"
local layers = require("pcap.decode").layers()
local function measure(work, path)
  local cap = assert(pcap.open_offline(path or arg[1]))
  local start = shim.luapcap_monotonic()
  work(cap)
  local seconds = shim.luapcap_monotonic() - start
  cap:close()
  return seconds
end
local function read(cap)
  local sum = 0
  for pkt in cap:packets() do sum = sum + pkt.caplen end
  return sum
end
local function decode(cap)
  local sum = 0
  for pkt in cap:packets() do
    local tcp = layers(pkt).tcp
    if tcp then sum = sum + tcp.dest_port + tcp.seq_num + (layers.ip.src_number or 0) end
  end
  return sum
end
if arg[2] ~= "" then
  measure(decode, arg[2])
end
local reading, decoding = math.huge, math.huge
for _ = 1, 5 do
  reading, decoding = math.min(reading, measure(read)), math.min(decoding, measure(decode))
end
-- What decoding adds to what opening and reading leave.
local function garbage(work)
  collectgarbage() collectgarbage("stop")
  local before = collectgarbage("count")
  measure(work)
  return collectgarbage("count") - before
end
print(("%.3f %.3f"):format(decoding / reading, garbage(decode) - garbage(read)))
]]

-- The ratio, and kilobytes of garbage, for a packet many times over. `before`, if given, is decoded
-- as often first.
local function measure(bytes, before)
  local folder, remove = shell.folder()
  local function write(name, packet)
    return shell.write(folder .. "/" .. name,
      savefile.header() .. savefile.record(packet):rep(PACKETS))
  end
  local script = shell.write(folder .. "/measure.lua", SCRIPT)
  local output = shell.run("LUA_PATH=%s LUA_CPATH=%s luajit %s %s %s", package.path, package.cpath,
    script, write("these.pcap", bytes), before and write("before.pcap", before) or "")
  remove()
  local ratio, garbage = output:match("(%S+) (%S+)")
  return tonumber(ratio), tonumber(garbage)
end

describe("layers(pkt)", function()
  local kinds = frames.kinds()

  for name, case in pairs {
    ["Ethernet, IPv4 and TCP"] = { kinds["TCP"], 12 },
    ["three tags"] = { kinds["three tags"], 24 }, ["VXLAN"] = { kinds["VXLAN"], 24 },
    ["two tags, PPPoE and IPv6"] = { kinds["two tags, PPPoE and IPv6"], 24 },
    ["extension headers"] = { frames.high_stack(7), 24 },
  } do
    local bytes, most = unpack(case)
    it("takes a few times what reading alone takes, as only compiled code does, and leaves less "
      .. "garbage than one packet in a hundred would: " .. name, function()
      local ratio, garbage = measure(bytes)
      assert.is_true(ratio < most, "times reading alone: " .. ratio)
      assert.is_true(garbage * 1024 < PACKETS / 100 * 64, garbage .. " KB")
    end)
  end

  it("is compiled after any number of stacks that are higher than its code", function()
    for _, count in ipairs { 9, 30, 200 } do
      local ratio = measure(kinds["TCP"], frames.high_stack(count))
      assert.is_true(ratio < 24, count .. " headers: times reading alone: " .. ratio)
    end
  end)
end)
