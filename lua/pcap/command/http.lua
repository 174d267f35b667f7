--- pcap http: the first lines of HTTP/1 requests and responses, on any TCP port.

local check = require "pcap.program.check"
local decode = require "pcap.decode"
local http = require "pcap.program.http"
local input = require "pcap.program.input"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local reading = require "pcap.program.reading"

local command = { summary = "Prints HTTP/1 requests, with their hosts, and responses" }

function command.options(parser)
  options.input(parser)
end

-- The request as it was sent; the host stands before a path.
local function line(message)
  if message.method then
    local host = message.host and message.target:find "^/" and message.host or ""
    return ("%s %s%s %s"):format(message.method, host, message.target, message.version)
  end
  local more = {}
  more[#more + 1] = message.type
  more[#more + 1] = message.length and ("%.0f bytes"):format(message.length)
  local after = #more > 0 and (" (%s)"):format(table.concat(more, ", ")) or ""
  return ("%s %d %s%s"):format(message.version, message.status, message.reason, after)
end

-- A look at one byte spares making a string of most segments. All methods, and "HTTP", begin with a
-- capital letter.
local function begins_like_http(layers, pkt)
  local first = layers.payload_begin
  if layers.payload_end < first then
    return false
  end
  local byte = pkt.data[first - 1]
  return byte >= 65 and byte <= 90
end

function command.run(args)
  args.precision = "micro"
  local cap, is_live = input.open(args)
  local layers = decode.layers()
  local how = { count = args.count, duration = args.duration, is_live = is_live, prints = true,
    pause = function() check.written(io.flush()) end }
  reading.all(cap, how, function(pkt)
    local at = layers(pkt)
    while at.inner do
      at = at.inner
    end
    local tcp = at.tcp
    if tcp and begins_like_http(at, pkt) then
      for _, message in ipairs(http.messages(at:payload())) do
        output.line(output.time_of_day(pkt), (" %s.%d > %s.%d: "):format(at.ip.src,
          tcp.source_port, at.ip.dst, tcp.dest_port), output.safe(line(message)))
      end
    end
  end)
end

return command
