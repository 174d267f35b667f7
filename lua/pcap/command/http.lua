--- pcap http: the first lines of HTTP/1 requests and responses, on any TCP port.

local decode = require "pcap.decode"
local http = require "pcap.program.http"
local input = require "pcap.program.input"
local message = require "pcap.program.message"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local reading = require "pcap.program.reading"

local command = { summary = "Prints HTTP/1 requests, with their hosts, and responses" }

function command.options(parser)
  options.line_buffered(parser)
  options.input(parser)
end

-- The request as it was sent; the host stands before a path.
local function line(found)
  if found.method then
    local host = found.host and found.target:find "^/" and found.host or ""
    return ("%s %s%s %s"):format(found.method, host, found.target, found.version)
  end
  local more = {}
  more[#more + 1] = found.type
  more[#more + 1] = found.length and ("%.0f bytes"):format(found.length)
  local after = #more > 0 and (" (%s)"):format(table.concat(more, ", ")) or ""
  local reason = found.reason ~= "" and " " .. found.reason or ""
  return ("%s %d%s%s"):format(found.version, found.status, reason, after)
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
  reading.print(cap, args, is_live, function(pkt)
    local at = message.innermost(layers(pkt))
    if at.tcp and begins_like_http(at, pkt) then
      for _, found in ipairs(http.messages(at:payload())) do
        output.line(message.head(pkt, at), (output.safe(line(found))))
      end
    end
  end)
end

return command
