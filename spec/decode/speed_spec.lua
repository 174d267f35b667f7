-- That decoding compiles, and leaves no garbage: both measured in a process of their own, where
-- nothing else has been compiled, and told as ratios.

local frames = require "spec.support.frames"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local SCRIPT = [[
local pcap, shim = require "pcap", require "pcap.shim"
local layers = require("pcap.decode").layers()
local function measure(work)
  local cap = assert(pcap.open_offline(arg[1]))
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
    if tcp then sum = sum + tcp.dest_port + tcp.seq_num + layers.ip.src_number end
  end
  return sum
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

describe("layers(pkt) over Ethernet, IPv4 and TCP", function()
  local PACKETS = 200000
  local ratio, garbage

  setup(function()
    local folder, remove = shell.folder()
    local record = savefile.record(frames.kinds()["TCP"])
    local path = shell.write(folder .. "/tcp.pcap", savefile.header() .. record:rep(PACKETS))
    local script = shell.write(folder .. "/measure.lua", SCRIPT)
    local output = shell.run("LUA_PATH=%s LUA_CPATH=%s luajit %s %s", package.path, package.cpath,
      script, path)
    remove()
    ratio, garbage = output:match("(%S+) (%S+)")
  end)

  it("takes a few times what reading alone takes, as only compiled code does", function()
    assert.is_true(tonumber(ratio) < 12, "times reading alone: " .. ratio)
  end)

  it("leaves less garbage than one packet in a hundred would", function()
    assert.is_true(tonumber(garbage) * 1024 < PACKETS / 100 * 64, garbage .. " KB")
  end)
end)
