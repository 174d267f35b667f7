--- pcap dns: the queries and answers of DNS, over UDP and TCP, and of multicast DNS.

local decode = require "pcap.decode"
local dns = require "pcap.program.dns"
local dns_stream = require "pcap.program.dns_stream"
local input = require "pcap.program.input"
local message = require "pcap.program.message"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local reading = require "pcap.program.reading"

local command = { summary = "Prints DNS queries and answers" }

local DNS, MULTICAST, LLMNR = 53, 5353, 5355

function command.options(parser)
  parser:option("--port", "A port to look at besides 53, 5353 and 5355."):argname "PORT"
    :convert(options.whole(1))
  options.line_buffered(parser)
  options.input(parser)
end

local function question(asked)
  local list = {}
  for i, one in ipairs(asked.questions) do
    list[i] = one.type .. " " .. one.name
  end
  return table.concat(list, ", ")
end

local function record(one)
  local data = one.data or ("(%d bytes)"):format(one.size)
  return ("%s %s %s ttl %.0f"):format(one.name, one.type, data, one.ttl)
end

local function line(found)
  local parts = { tostring(found.id) }
  if found.opcode ~= "query" or not found.is_response then
    parts[#parts + 1] = found.opcode
  end
  if found.is_response then
    parts[#parts + 1] = found.rcode
  end
  if #found.questions > 0 then
    parts[#parts + 1] = question(found)
  end
  local records = {}
  for i, one in ipairs(found.answers) do
    records[i] = record(one)
  end
  local text = table.concat(parts, " ")
  if #records > 0 then
    text = text .. ": " .. table.concat(records, ", ")
  end
  return text .. (found.is_truncated and " (truncated)" or "")
    .. (found.error and (" [%s]"):format(found.error) or "")
end

-- Calls show(found) with the message of a datagram, or with those that end in a segment.
local function each_message(layers, streams, show)
  if layers.udp then
    local found = dns.read(layers:payload())
    return found and show(found)
  end
  for _, bytes in ipairs(streams(layers)) do
    local found = dns.read(bytes)
    if found then
      show(found)
    end
  end
end

function command.run(args)
  args.precision = "micro"
  local cap, is_live = input.open(args)
  local layers, streams = decode.layers(), dns_stream.new()
  local ports = { [DNS] = true, [MULTICAST] = true, [LLMNR] = true, [args.port or DNS] = true }
  reading.print(cap, args, is_live, function(pkt)
    local at = message.innermost(layers(pkt))
    local transport = at.udp or at.tcp
    if transport and (ports[transport.source_port] or ports[transport.dest_port]) then
      local head = message.head(pkt, at)
      each_message(at, streams, function(one)
        output.line(head, line(one))
      end)
    end
  end)
end

return command
