-- That decoding compiles together with the caller's loop, and leaves no garbage: seen in a process
-- of its own, where nothing else has been compiled, by LuaJIT's profiler.

local frames = require "spec.support.frames"
local pcapng_file = require "spec.support.pcapng_file"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local tunnels = require "spec.support.tunnels"

local PACKETS = 200000

-- Samples of a hundred that are not in compiled code: 2 to 8 for a loop that is compiled whole, up
-- to 18 on a busy machine, where reading the file takes its share; 45 and more for one in pieces.
local MOST = 30

-- Prints in how many samples of a hundred other than compiled code ran, and the kilobytes of
-- garbage of one time through the file, beyond what opening and reading leave.
local SCRIPT = [[
local pcap, profile = require "pcap", require "jit.profile"
local layers = require("pcap.decode").layers()
local these, before, rich = arg[1], arg[2], arg[3] == "rich"
local sum = 0
local function read(path)
  local cap = assert(pcap.open_offline(path))
  for pkt in cap:packets() do sum = sum + pkt.caplen end
  cap:close()
end
local function decode(path)
  local cap = assert(pcap.open_offline(path))
  for pkt in cap:packets() do
    local tcp = layers(pkt).tcp
    local ip, eth = layers.ip, layers.eth
    if tcp then
      sum = sum + tcp.dest_port + tcp.seq_num + (ip.src_number or 0)
    end
    if rich then
      sum = sum + ip.ttl + ip.total_length + ip.id + ip.ToS + ip.fragment_offset + ip.checksum
        + ip.dst_number + eth.type + eth.dst_number + eth.src_number + tcp.source_port + tcp.ack
        + tcp.window + tcp.checksum + tcp.urgent_pointer + tcp.offset + pkt.sec + pkt.nsec
        + (tcp.f_syn and 1 or 0) + (tcp.f_fin and 2 or 0) + (tcp.f_push and 4 or 0)
    end
  end
  cap:close()
end
if before ~= "" then decode(before) end
decode(these)
jit.off(true) -- the profiler is called when compiled code is left
local elsewhere, all = 0, 0
profile.start("i1", function(_, samples, state)
  all = all + samples
  elsewhere = elsewhere + ((state == "N" or state == "G") and 0 or samples)
end)
repeat decode(these) until all >= 200
profile.stop()
local function garbage(work)
  work(these)
  collectgarbage() collectgarbage("stop")
  local kilobytes = collectgarbage("count")
  work(these)
  kilobytes = collectgarbage("count") - kilobytes
  collectgarbage("restart")
  return kilobytes
end
print(("elsewhere %.0f%%, garbage %.3f"):format(100 * elsewhere / all,
  garbage(decode) - garbage(read)))
]]

-- What the script prints for a packet many times over, behind LuaJIT's list of traces. Options:
-- `constants`, of which LuaJIT may have so many in a trace (by itself 500); `before`, a packet that
-- is decoded as often first; `rich`, a loop that does much with each packet; `pcapng`, a pcapng
-- file.
local function measure(packet, options)
  local folder, remove = shell.folder()
  local function write(name, bytes)
    local w = pcapng_file.writer(false)
    return shell.write(folder .. "/" .. name, options.pcapng
      and w:section() .. w:interface(1, 262144) .. w:packet(bytes, { high = 395000 }):rep(PACKETS)
      or savefile.header() .. savefile.record(bytes):rep(PACKETS))
  end
  local output = shell.run("luajit -jv %s %s %s %s %s",
    "-Omaxirconst=" .. (options.constants or 500), shell.write(folder .. "/measure.lua", SCRIPT),
    write("these.pcap", packet), options.before and write("before.pcap", options.before) or "",
    options.rich and "rich" or "")
  remove()
  return output
end

-- LuaJIT for 32-bit x86 has too few registers for some decoders, and interprets them ("register
-- coalescing too complex").
local function assert_compiled(output)
  if jit.arch == "x86" then return end
  assert.is_true(tonumber(output:match("elsewhere (%d+)")) < MOST, output)
end

describe("layers(pkt)", function()
  local kinds = frames.kinds()

  -- What is left of 500 constants is the caller's.
  for name, case in pairs {
    ["Ethernet, IPv4 and TCP"] = { kinds["TCP"], 385 }, ["UDP"] = { kinds["UDP"], 345 },
    ["three tags"] = { kinds["three tags"], 430 }, ["VXLAN"] = { kinds["VXLAN"], 400 },
    ["two tags, PPPoE and IPv6"] = { kinds["two tags, PPPoE and IPv6"], 490 },
    ["twelve headers"] = { frames.high_stack(9), 450 },
    ["MPLS"] = { tunnels.kinds()["MPLS"], 420 }, ["GTP-U"] = { tunnels.kinds()["GTP-U"], 490 },
    ["VXLAN over IPv6"] = { kinds["VXLAN over IPv6, without a checksum"], 490 },
  } do
    local packet, constants = unpack(case)
    it("compiles whole with the caller's loop, and leaves less garbage than one packet in a "
      .. "hundred would: " .. name, function()
      local output = measure(packet, { constants = constants })
      assert_compiled(output)
      assert.is_true(tonumber(output:match("garbage (%S+)")) * 1024 < PACKETS / 100 * 64, output)
    end)
  end

  it("compiles whole with the loop over a pcapng file, for few more constants", function()
    assert_compiled(measure(kinds["TCP"], { pcapng = true, constants = 430 }))
    assert_compiled(measure(kinds["UDP"], { pcapng = true, constants = 390 }))
  end)

  it("compiles whole with a loop that does much, given the constants for it", function()
    for _, name in ipairs { "TCP", "three tags" } do
      assert_compiled(measure(kinds[name], { rich = true, constants = 2000 }))
    end
  end)

  it("is compiled after any number of stacks that are higher than its code", function()
    for _, count in ipairs { 10, 30, 200 } do
      assert_compiled(measure(kinds["TCP"], { before = frames.high_stack(count) }))
    end
  end)
end)
