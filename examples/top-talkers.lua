-- Who talks most: the flows with the most bytes, of a savefile or live.
--
--     luajit examples/top-talkers.lua -r file.pcap
--     luajit examples/top-talkers.lua -i eth0 [filter]     until Ctrl-C; on a terminal in place
--
-- Options: -n the number of flows (default 10); -w the seconds between live tables (default 1); -s
-- the seconds after which to stop.

local pcap = require "pcap"
local decode = require "pcap.decode"

-- Room for a loop that does much with each packet: see docs/decoding.md.
require("jit.opt").start("maxirconst=2000")

local USAGE = "usage: top-talkers.lua -r file | -i device [-n flows] [-w seconds] [-s seconds] "
  .. "[filter]\n"

local function parse(words)
  local options, rest, i = { n = 10, w = 1, s = math.huge }, {}, 1
  while words[i] do
    local key = words[i]:match("^%-([rinws])$")
    if key then
      options[key], i = words[i + 1], i + 2
    else
      rest[#rest + 1], i = words[i], i + 1
    end
  end
  options.filter = #rest > 0 and table.concat(rest, " ") or nil
  options.n, options.w, options.s = tonumber(options.n), tonumber(options.w), tonumber(options.s)
  local has_numbers = options.n and (options.w or 0) > 0 and options.s
  if not (options.r or options.i) or not has_numbers then
    io.stderr:write(USAGE)
    os.exit(2)
  end
  return options
end

local function open(options)
  local cap, message
  if options.r then
    cap, message = pcap.open_offline(options.r)
  else
    cap, message = pcap.open_live { device = options.i, snaplen = 128, promisc = true,
      timeout = options.w }
  end
  local ready = cap
  if cap and options.filter then
    ready, message = cap:set_filter(options.filter)
  end
  if not ready then
    io.stderr:write("top-talkers: ", message, "\n")
    os.exit(1)
  end
  return cap
end

local PROTOCOLS = { [1] = "icmp", [6] = "tcp", [17] = "udp", [47] = "gre", [50] = "esp",
  [58] = "icmpv6", [132] = "sctp" }

-- The texts of a flow are made once, when its first packet comes.
local function describe(layers)
  local ip, ports = layers.ip, layers.tcp or layers.udp or layers.sctp
  local src, dst = ip.src, ip.dst
  if ports then
    src, dst = src .. "." .. ports.source_port, dst .. "." .. ports.dest_port
  end
  return ("%-7s %s <-> %s"):format(PROTOCOLS[ip.proto] or ip.proto, src, dst)
end

local function add(flows, layers, pkt)
  local key = layers(pkt):flow(true)
  if not key then
    return
  end
  local flow = flows[key]
  if not flow then
    flow = { name = describe(layers), packets = 0, bytes = 0 }
    flows[key] = flow
  end
  flow.packets = flow.packets + 1
  flow.bytes = flow.bytes + pkt.wirelen
end

local is_terminal = os.execute("test -t 1") == 0

local function show(flows, options)
  local list = {}
  for _, flow in pairs(flows) do
    list[#list + 1] = flow
  end
  table.sort(list, function(a, b)
    return a.bytes > b.bytes or a.bytes == b.bytes and a.name < b.name
  end)
  local lines = { is_terminal and options.i and "\27[H\27[J" or "" }
  lines[2] = ("%12s %10s  %d flows\n"):format("bytes", "packets", #list)
  for i = 1, math.min(options.n, #list) do
    local flow = list[i]
    lines[i + 2] = ("%12d %10d  %s\n"):format(flow.bytes, flow.packets, flow.name)
  end
  io.write(table.concat(lines))
  io.flush()
end

-- Takes the packets of one table: those of the whole file, or live, those until the next table.
-- Returns why the loop ended. A silent link ends it by the timeout, a busy one by the time of the
-- packets.
local function gather(cap, layers, flows, options)
  local live, begun = options.i, nil
  for pkt in cap:packets() do
    add(flows, layers, pkt)
    begun = begun or pkt:timestamp()
    if live and pkt:timestamp() - begun >= options.w then
      break
    end
  end
  return cap:ending()
end

local options = parse(arg)
local cap = open(options)
local layers, flows = decode.layers(cap:datalink()), {}
local stop_at = os.time() + options.s
local ending
repeat
  ending = gather(cap, layers, flows, options)
  show(flows, options)
until ending ~= "timeout" and ending ~= "break" or os.time() >= stop_at
if ending ~= "closed" and ending ~= "timeout" and ending ~= "break" then
  io.stderr:write("top-talkers: ", ending, "\n")
  os.exit(1)
end
