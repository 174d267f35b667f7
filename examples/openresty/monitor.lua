-- A traffic monitor in an nginx worker: it counts each packet, and tells browsers twice a second.

local cjson = require "cjson"
local decode = require "pcap.decode"
local live = require "pcap.resty"

local monitor = {}

local PERIOD = 0.5  -- seconds between two snapshots
local FADING = 0.9  -- what is left of a talker's bytes one period later
local TALKERS = 8
local MOST_FLOWS = 4096  -- so many flows are counted: sorting them is all that a snapshot costs

local PROTOCOLS = { [1] = "ICMP", [6] = "TCP", [17] = "UDP", [58] = "ICMPv6", [132] = "SCTP" }

local loop, layers
local filter, snapshot = "", "{}"
local packets, bytes = 0, 0
local protocols, talkers, flows = {}, {}, 0

local function name_of(ip, ports)
  if not ports then
    return ip.src .. " → " .. ip.dst
  end
  local form = ip.version == 4 and "%s:%d → %s:%d" or "[%s]:%d → [%s]:%d"
  return form:format(ip.src, ports.source_port, ip.dst, ports.dest_port)
end

-- Called for each packet. `pkt` is valid during the call.
local function count(pkt)
  local size = pkt.wirelen
  packets, bytes = packets + 1, bytes + size
  local seen = layers(pkt)
  local ip = seen.ip
  local protocol = ip and ip.proto or 0
  protocols[protocol] = (protocols[protocol] or 0) + size
  local flow = seen:flow()
  if not flow then
    return
  end
  local talker = talkers[flow]
  if not talker then
    if flows == MOST_FLOWS then
      return
    end
    flows = flows + 1
    local ports = seen.tcp or seen.udp or seen.sctp
    talker = { name = name_of(ip, ports), protocol = PROTOCOLS[protocol] or "IP " .. protocol,
      bytes = 0 }
    talkers[flow] = talker
  end
  talker.bytes = talker.bytes + size
end

-- The talkers with the most bytes. All fade first, and the silent ones are dropped.
local function top_talkers()
  local top = {}
  for flow, talker in pairs(talkers) do
    talker.bytes = talker.bytes * FADING
    if talker.bytes < 1 then
      talkers[flow], flows = nil, flows - 1
    else
      top[#top + 1] = talker
    end
  end
  table.sort(top, function(a, b) return a.bytes > b.bytes end)
  for i = #top, TALKERS + 1, -1 do
    top[i] = nil
  end
  return setmetatable(top, cjson.array_mt)
end

local function share_by_name()
  local named = {}
  for protocol, size in pairs(protocols) do
    local name = protocol == 0 and "other" or PROTOCOLS[protocol] or "IP " .. protocol
    named[name] = (named[name] or 0) + size
  end
  return named
end

local last = ngx.now()

local function take_snapshot(premature)
  if premature then
    return
  end
  local stats, now = loop:stats(), ngx.now()
  local seconds = math.max(now - last, 0.001)
  snapshot = cjson.encode {
    time = now, filter = filter, packets = packets / seconds, bytes = bytes / seconds,
    total = stats.packets, dropped = stats.dropped, lag = stats.max_lag,
    protocols = share_by_name(), talkers = top_talkers(),
  }
  packets, bytes, protocols, last = 0, 0, {}, now
end

--- Starts to capture a device. Call it in init_worker_by_lua.
function monitor.start(device)
  local problem
  loop, problem = live.start({ device = device, snaplen = 128 }, count)
  if not loop then
    ngx.log(ngx.ERR, problem)
    snapshot = cjson.encode { problem = problem }
    return
  end
  layers = decode.layers(loop.capture:datalink())
  ngx.timer.every(PERIOD, take_snapshot)
end

--- Answers with a stream of snapshots.
function monitor.stream()
  repeat
    local sent = ngx.print("data: ", snapshot, "\n\n") and ngx.flush(true)
    ngx.sleep(PERIOD)
  until not sent or ngx.worker.exiting()
end

--- Sets the filter to the request's body.
function monitor.set_filter()
  ngx.req.read_body()
  local wanted = ngx.req.get_body_data() or ""
  local set, problem = nil, "a filter has no NUL bytes"
  if not loop then
    problem = "nothing is captured"
  elseif not wanted:find("\0", 1, true) then
    set, problem = loop:set_filter(wanted)
  end
  if not set then
    ngx.status = ngx.HTTP_BAD_REQUEST
    ngx.print(problem)
    return
  end
  filter = wanted
  talkers, flows = {}, 0
  ngx.print("ok")
end

return monitor
