--- `make bench`: the same work by C with libpcap, by us and by others, in turn, on files made here.
--
-- What counts is the ratio of two times in one round. A table gives the median of the rounds, the
-- lowest and the highest. Each process is timed whole, with its start. Both sides must have seen
-- the same packets.

local stats = require "bench.stats"

local FOLDER = "build/bench/"
local ROUNDS = tonumber(os.getenv "BENCH_ROUNDS") or 7

local FILES = {
  { name = "64", packets = 8000000 },
  { name = "64-tenth", packets = 800000, sizes = "64" },
  { name = "64-some", packets = 40000, sizes = "64" },
  { name = "64-few", packets = 4000, sizes = "64" },
  { name = "64-none", packets = 0, sizes = "64" },
  { name = "mix", packets = 800000 },
  { name = "1500", packets = 250000 },
  { name = "64-swapped", packets = 8000000, sizes = "64", format = "swapped" },
  { name = "64-pcapng", packets = 8000000, sizes = "64", format = "pcapng" },
  { name = "mix-pcapng", packets = 800000, sizes = "mix", format = "pcapng" },
  { name = "64-pcapng-tenth", packets = 800000, sizes = "64", format = "pcapng" },
  { name = "64-pcapng-some", packets = 40000, sizes = "64", format = "pcapng" },
  { name = "64-pcapng-few", packets = 4000, sizes = "64", format = "pcapng" },
  { name = "64-options", packets = 800000, sizes = "64", format = "options" },
}

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  pipe:close()
  return lines
end

local function has(command)
  return #lines_of(("(%s) >/dev/null 2>&1 && echo yes"):format(command)) > 0
end

local path, packets_in = {}, {}
for _, file in ipairs(FILES) do
  path[file.name] = FOLDER .. file.name .. ".pcap"
  packets_in[file.name] = file.packets
  os.execute(("%sgenerate %d %s %s > %s"):format(FOLDER, file.packets, file.sizes or file.name,
    file.format or "pcap", path[file.name]))
end

-- One run: seconds, peak kilobytes, and what the command saw.
local function run(command)
  local lines = lines_of(FOLDER .. "measure " .. command)
  local wall, _, peak = lines[#lines]:match "^(%S+) (%S+) (%S+)$"
  return { seconds = tonumber(wall), peak = tonumber(peak), saw = #lines > 1 and lines[1] }
end

-- Several commands in turn, so that a slow moment of the machine hits them all. A command comes
-- with the name of the file that it reads. Gives for each the nanoseconds for a packet in each
-- round, the largest peak, and what it saw.
local function compare(commands)
  local results = {}
  for i, command in ipairs(commands) do
    results[i] = { ns = {}, peak = 0 }
    run(command[1]) -- warm-up
  end
  for round = 1, ROUNDS do
    for i, command in ipairs(commands) do
      local result, one = results[i], run(command[1])
      result.ns[round] = one.seconds * 1e9 / packets_in[command[2]]
      result.peak = math.max(result.peak, one.peak)
      result.saw = one.saw
    end
  end
  return results
end

local function ours(work, file, expression)
  return { ("luajit bench/ours.lua %s %s%s"):format(work, path[file],
    expression and (" '%s'"):format(expression) or ""), file }
end

local function c_program(work, file, expression)
  return { ("%speer %s %s%s"):format(FOLDER, work, path[file],
    expression and (" '%s'"):format(expression) or ""), file }
end

local out = assert(io.open("bench/RESULTS.md", "w"))
local function say(format, ...)
  local line = select("#", ...) > 0 and format:format(...) or format
  print(line)
  out:write(line, "\n")
end

-- Medians of what the picture shows, by title.
local median_of = {}

local function work_row(title, work, file, expression, target)
  local c, own, floor = unpack(compare {
    c_program(work == "copy" and "copy" or "loop", file, expression),
    ours(work, file, expression),
    c_program("read", file),
  })
  if work ~= "copy" and c.saw ~= own.saw then
    error(("%s: C saw %s, we %s"):format(title, c.saw, own.saw))
  end
  local ratios = stats.ratios(c.ns, own.ns)
  say("| %s | %.1f | %.1f | %.1f | %s | %.2f | %.1f / %.1f |", title, stats.median(c.ns),
    stats.median(own.ns), stats.median(floor.ns), stats.spread(ratios), target, c.peak / 1024,
    own.peak / 1024)
  median_of[title] = stats.median(ratios)
end

local GO = FOLDER .. "gopacket"
local PYTHON = "/usr/bin/python3 bench/peers.py"

-- What others take, by name: whether they are there, their command for a file, and a smaller file
-- for the slow ones.
local READERS = {
  { "tcpdump --count", "tcpdump --version", "tcpdump --count -r %s" },
  { "capinfos -c", "capinfos -v", "capinfos -c %s" },
  { "gopacket pcap, zero-copy", "test -x " .. GO, GO .. " pcap %s" },
  { "gopacket pcapgo, zero-copy", "test -x " .. GO, GO .. " pcapgo %s" },
  { "pcapy", "/usr/bin/python3 -c 'import pcapy'", PYTHON .. " pcapy %s", "64-tenth" },
  { "dpkt", "/usr/bin/python3 -c 'import dpkt'", PYTHON .. " dpkt %s", "64-tenth" },
}

local STRINGS = {
  { "a binding in C: pcap_next_ex, lua_pushlstring", "test -e " .. FOLDER .. "binding.so",
    "luajit bench/ours.lua binding %s" },
}

local DECODERS = {
  { "C, pcap_loop, which decodes nothing", "true", FOLDER .. "peer loop %s" },
  { "gopacket DecodingLayerParser", "test -x " .. GO, GO .. " decode %s" },
  { "dpkt", "/usr/bin/python3 -c 'import dpkt'", PYTHON .. " dpkt-decode %s", "64-some" },
  { "scapy", "/usr/bin/python3 -c 'import scapy'", PYTHON .. " scapy-decode %s", "64-few" },
}

local PCAPNG_READERS = {
  { "C, pcap_loop", "true", FOLDER .. "peer loop %s" },
  { "gopacket NgReader, zero-copy", "test -x " .. GO, GO .. " ng %s" },
  { "capinfos -c", "capinfos -v", "capinfos -c %s" },
  { "tshark, frame numbers", "tshark -v", "tshark -n -r %s -T fields -e frame.number",
    "64-pcapng-some" },
  { "dpkt", "/usr/bin/python3 -c 'import dpkt'", PYTHON .. " dpkt-pcapng %s", "64-pcapng-tenth" },
  { "scapy", "/usr/bin/python3 -c 'import scapy'", PYTHON .. " scapy-pcapng %s",
    "64-pcapng-few" },
}

-- A table of others beside one work of ours on a file, by default the one of 64 bytes.
local function others(work, rows, our_file)
  our_file = our_file or "64"
  say("")
  say("| program | ns/packet | ours | its time / ours |")
  say("|---|---|---|---|")
  for _, row in ipairs(rows) do
    local name, probe, command, file = unpack(row)
    file = file or our_file
    if has(probe) then
      local own, other = unpack(compare { ours(work, our_file),
        { ("sh -c '%s >/dev/null 2>&1'"):format(command:format(path[file])), file } })
      local ratios = stats.ratios(other.ns, own.ns)
      say("| %s | %.1f | %.1f | %s |", name, stats.median(other.ns), stats.median(own.ns),
        stats.spread(ratios))
      median_of[name] = stats.median(ratios)
    else
      say("| %s | missing | | |", name)
    end
  end
end

-- Pairs of work of ours: what, its command, what it is compared with, that command, the ratio that
-- is at most allowed.
local PAIRS = {
  { "pcapng, comment and flags on each packet, not read", "packets 64-options", "without them",
    "packets 64-pcapng-tenth", 1.2 },
  { "64 bytes, written as pcapng to /dev/null", "copy-pcapng 64", "as pcap", "copy 64", 1.25 },
  { "64 bytes, written to files that rotate", "rotate 64-tenth", "to one file",
    "copy-file 64-tenth", 1.1 },
  { "64 bytes, written to a function", "function 64", "to /dev/null", "copy 64", 1.3 },
}

local function pairs_of_ours()
  say("")
  say("| work | ns/packet | beside | ns/packet | ratio | at most |")
  say("|---|---|---|---|---|---|")
  for _, pair in ipairs(PAIRS) do
    local one, other = unpack(compare { ours(pair[2]:match "^(%S+) (%S+)$"),
      ours(pair[4]:match "^(%S+) (%S+)$") })
    say("| %s | %.1f | %s | %.1f | %s | %.2f |", pair[1], stats.median(one.ns), pair[3],
      stats.median(other.ns), stats.spread(stats.ratios(one.ns, other.ns)), pair[5])
  end
end

-- The flight recorder: at most 20 ns a packet more than reading it.
local function recorder()
  local reading, recording = unpack(compare { ours("packets", "64"), ours("record", "64") })
  local more = {}
  for round, ns in ipairs(recording.ns) do
    more[round] = ns - reading.ns[round]
  end
  say("")
  say("The flight recorder takes %s ns for a packet of 64 bytes, at most 20: %.1f with reading it, "
    .. "%.1f to read it.", stats.spread(more), stats.median(recording.ns), stats.median(reading.ns))
end

-- Bytes before the packets of the smaller file, which makes them tunnels' content: what of a packet
-- is kept is from `from` on.
local TUNNELS = {
  { name = "MPLS", from = 15, before = "02005e10000106aabbccddee 8847 00010140" },
  { name = "GTP-U", from = 15, before = "02005e10000106aabbccddee 0800 45000056000000004011"
    .. "00000a0000010a000002 086808680042 0000 30ff003200000042" },
  { name = "VXLAN", from = 1, before = "02005e10000106aabbccddee 0800 45000064000000004011"
    .. "00000a0000010a000002 12b512b50050 0000 0800000000000100" },
}

local function write_tunnel(tunnel)
  local pcap = require "pcap"
  local before = tunnel.before:gsub("%s", ""):gsub("%x%x", function(pair)
    return string.char(tonumber(pair, 16))
  end)
  local cap = assert(pcap.open_offline(path["64-tenth"]))
  path[tunnel.name], packets_in[tunnel.name] = FOLDER .. tunnel.name .. ".pcap",
    packets_in["64-tenth"]
  local dumper = assert(cap:dump_open(path[tunnel.name]))
  for bytes, time in cap.next, cap do
    local packet = before .. bytes:sub(tunnel.from)
    assert(dumper:dump(packet, time, #packet))
  end
  assert(dumper:close())
  cap:close()
end

-- Tunnels beside plain TCP: at most 2.5 times as long.
local function tunnels()
  say("")
  say("| decoding, reading included | ns/packet | Ethernet, IPv4, TCP | ratio | at most |")
  say("|---|---|---|---|---|")
  for _, tunnel in ipairs(TUNNELS) do
    write_tunnel(tunnel)
    local plain, inside = unpack(compare { ours("inner", "64-tenth"), ours("inner", tunnel.name) })
    if plain.saw ~= inside.saw then
      error(("%s: %s, and without it %s"):format(tunnel.name, inside.saw, plain.saw))
    end
    say("| %s | %.1f | %.1f | %s | 2.5 |", tunnel.name, stats.median(inside.ns),
      stats.median(plain.ns), stats.spread(stats.ratios(inside.ns, plain.ns)))
  end
end

local function version(command)
  return lines_of(command .. " 2>&1")[1] or "missing"
end

-- In words, as far as Linux tells.
local function machine()
  local processors = lines_of "nproc 2>/dev/null"[1]
  local model = lines_of "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null"[1]
  local gigabytes = lines_of "awk '/^MemTotal/ { printf \"%.0f\", $2 / 1e6 }' /proc/meminfo 2>&1"[1]
  local is_virtual = has "grep -q '^flags.* hypervisor' /proc/cpuinfo"
  return ("%s processors (%s), %s GB of memory, %s, %s."):format(processors or "unknown",
    model or "unknown", gigabytes or "unknown", is_virtual and "a virtual machine" or "no virtual "
    .. "machine", version "uname -srm")
end

say("# Benchmark results")
say("")
say("Written by `make bench`: %d rounds, whole processes, files in the page cache.", ROUNDS)
say("Times are medians. A ratio is the median of the rounds, with the lowest and the highest.")
say("Ratios hold on other machines of the same kind, times do not.")
say("")
say("The machine: %s", machine())
say("")
say("- %s", require("pcap")._LIB_VERSION)
say("- %s", version "luajit -v")
say("- %s", version "cc --version")
say("")
say("| work | C libpcap, ns/packet | ours, ns/packet | read(2) alone | C time / ours | at least "
  .. "| peak MB, C / ours |")
say("|---|---|---|---|---|---|---|")
work_row("64 bytes, packets", "packets", "64", nil, 3)
work_row("mixed sizes, packets", "packets", "mix", nil, 1.8)
work_row("1500 bytes, packets", "packets", "1500", nil, 1)
work_row("64 bytes, tcp port 80", "packets", "64", "tcp port 80", 2.5)
work_row("64 bytes, ip (all match)", "packets", "64", "ip", 3)
work_row("64 bytes, udp port 9 (none)", "packets", "64", "udp port 9", 3)
work_row("64 bytes, next with strings", "next", "64", nil, 1 / 2.4)
work_row("64 bytes, copy to /dev/null", "copy", "64", nil, 1.5)
work_row("64 bytes, other byte order", "packets", "64-swapped", nil, 2.5)
work_row("64 bytes, in pieces of 64 KB", "pieces", "64", nil, 2)
work_row("pcapng, 64 bytes, packets", "packets", "64-pcapng", nil, 3)
work_row("pcapng, mixed sizes, packets", "packets", "mix-pcapng", nil, 2.2)
work_row("pcapng, 64 bytes, tcp port 80", "packets", "64-pcapng", "tcp port 80", 2.5)
work_row("pcapng, 64 bytes, in pieces of 64 KB", "pieces", "64-pcapng", nil, 2)

-- Median seconds of reading one of the files.
local function reading(file)
  local seconds = {}
  for round = 1, ROUNDS do
    seconds[round] = run(ours("packets", file)[1]).seconds
  end
  return stats.median(seconds)
end

local start = reading "64-none"
say("")
say("Growth: ten times the packets take %.1f times as long, the process's start taken off.",
  (reading "64" - start) / (reading "64-tenth" - start))
say("")
say("Others, reading packets of 64 bytes:")
others("packets", READERS)
say("")
say("The same packets as pcapng:")
others("packets", PCAPNG_READERS, "64-pcapng")
pairs_of_ours()
recorder()
say("")
say("The documented loop, `for capdata, timestamp, wirelen in cap.next, cap`:")
others("next", STRINGS)
say("")
say("Decoding Ethernet, IPv4 and TCP of the same packets, reading included:")
others("layers", DECODERS)
tunnels()
say("")
median_of.merge = require("bench.merge").compare(say, FOLDER, ROUNDS)
say("")
require("bench.seek").compare(say, FOLDER, ROUNDS)
say("")
require("bench.follow").compare(say, FOLDER, ROUNDS)
say("")
require("bench.live").compare(say, FOLDER, ROUNDS)
say("")
require("bench.send").compare(say, FOLDER, ROUNDS)
say("")
require("bench.replay").compare(say, FOLDER, ROUNDS)
out:close()

-- The picture in README: what it says, and the row that it is of.
local PICTURE = {
  { "reading pcap,\\nbeside C", "64 bytes, packets" },
  { "reading pcapng,\\nbeside C", "pcapng, 64 bytes, packets" },
  { "a filter on pcapng,\\nbeside C", "pcapng, 64 bytes, tcp port 80" },
  { "a string a packet,\\nbeside a binding in C", STRINGS[1][1] },
  { "merging 4 files,\\nbeside mergecap", "merge" },
}

if has "gnuplot --version" then
  local data = assert(io.open(FOLDER .. "picture.dat", "w"))
  for _, bar in ipairs(PICTURE) do
    if median_of[bar[2]] then
      data:write(('"%s" %.2f\n'):format(bar[1], median_of[bar[2]]))
    end
  end
  data:close()
  os.execute(("gnuplot -e \"data='%s'; output='bench/results.svg'\" bench/plot.gp")
    :format(FOLDER .. "picture.dat"))
end
