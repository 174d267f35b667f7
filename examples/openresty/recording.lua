-- Recording in an nginx worker: captures for a browser or Wireshark, and what came before an error.
--
--   curl -s 'http://127.0.0.1:8080/capture?seconds=10&filter=udp+port+53' | wireshark -k -i -

local ffi = require "ffi"
local live = require "pcap.resty"
local pcap = require "pcap"

local recording = {}

local MOST_SECONDS, MOST_BYTES = 3600, 1e9
local PAUSE = 0.25 -- seconds after which a client gets what there is

-- Gives bytes to the client, and waits until they are on their way.
local function send(pointer, length)
  local sent, message = ngx.print(ffi.string(pointer, length))
  if sent then
    sent, message = ngx.flush(true)
  end
  return sent, message
end

--- For content_by_lua: streams a capture of a device to the client. While the client is slow, the
-- kernel's buffer takes the packets. What does not fit there is dropped, and counted in the file.
---@param options table  live.open's
function recording.stream(options)
  local args = ngx.req.get_uri_args()
  options.filter = type(args.filter) == "string" and args.filter or ""
  local cap, message = live.open(options)
  if not cap then
    ngx.status = 400
    return ngx.say(message)
  end
  ngx.header.content_type = "application/x-pcapng"
  local stop_at = ngx.now() + math.min(tonumber(args.seconds) or 10, MOST_SECONDS)
  local dumper = assert(cap:dump_open(send, { format = "pcapng" }))
  local going = dumper:flush()
  while going and ngx.now() < stop_at and dumper:tell() < MOST_BYTES do
    cap:wait(math.min(stop_at - ngx.now(), PAUSE))
    cap:drain(function(pkt) going = going and dumper:dump(pkt) end)
    going = going and dumper:flush() -- nil when the client has gone
  end
  dumper:close()
  cap:close()
end

local recorder
local saved_at = 0

--- For init_worker_by_lua: remembers the last packets of a device.
---@param options table  live.start's source
function recording.remember(options)
  recorder = assert(pcap.recorder { seconds = 30, bytes = 2 ^ 26 })
  return live.start(options, function(pkt) recorder:dump(pkt) end)
end

--- For log_by_lua: after an error of the server, saves the last packets, at most once a minute.
---@param folder string  where the files go
function recording.save_on_error(folder)
  if ngx.status < 500 or ngx.now() < saved_at + 60 then
    return
  end
  saved_at = ngx.now()
  local name = ("%s/%d-%d.pcap"):format(folder, ngx.status, ngx.time())
  -- A second later the packets of this request are there too.
  ngx.timer.at(1, function()
    local count, message = recorder:save(name)
    ngx.log(ngx.WARN, name, ": ", count or message, " packets")
  end)
end

return recording
