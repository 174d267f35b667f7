--- pcap dns: the queries and answers of DNS, over UDP and TCP, and of multicast DNS.

local check = require "pcap.program.check"
local decode = require "pcap.decode"
local dns = require "pcap.program.dns"
local dns_stream = require "pcap.program.dns_stream"
local input = require "pcap.program.input"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local reading = require "pcap.program.reading"

local command = { summary = "Prints DNS queries and answers" }

local DNS, MULTICAST, LLMNR = 53, 5353, 5355

function command.options(parser)
  parser:option("--port", "A port to look at besides 53, 5353 and 5355."):argname "PORT"
    :convert(options.whole(1))
  options.input(parser)
end

local function question(message)
  local list = {}
  for i, asked in ipairs(message.questions) do
    list[i] = asked.type .. " " .. asked.name
  end
  return table.concat(list, ", ")
end

local function record(one)
  local data = one.data or ("(%d bytes)"):format(one.size)
  return ("%s %s %s ttl %.0f"):format(one.name, one.type, data, one.ttl)
end

local function line(message)
  local parts = { tostring(message.id) }
  if message.opcode ~= "query" or not message.is_response then
    parts[#parts + 1] = message.opcode
  end
  if message.is_response then
    parts[#parts + 1] = message.rcode
  end
  if #message.questions > 0 then
    parts[#parts + 1] = question(message)
  end
  local records = {}
  for i, one in ipairs(message.answers) do
    records[i] = record(one)
  end
  local text = table.concat(parts, " ")
  if #records > 0 then
    text = text .. ": " .. table.concat(records, ", ")
  end
  return text .. (message.is_truncated and " (truncated)" or "")
    .. (message.error and (" [%s]"):format(message.error) or "")
end

-- Calls show(message) with the message of a datagram, or with those that end in a segment.
local function each_message(layers, streams, show)
  if layers.udp then
    local message = dns.read(layers:payload())
    return message and show(message)
  end
  for _, bytes in ipairs(streams(layers)) do
    local message = dns.read(bytes)
    if message then
      show(message)
    end
  end
end

function command.run(args)
  args.precision = "micro"
  local cap, is_live = input.open(args)
  local layers, streams = decode.layers(), dns_stream.new()
  local ports = { [DNS] = true, [MULTICAST] = true, [LLMNR] = true, [args.port or DNS] = true }
  local how = { count = args.count, duration = args.duration, is_live = is_live, prints = true,
    pause = function() check.written(io.flush()) end }
  reading.all(cap, how, function(pkt)
    local at = layers(pkt)
    while at.inner do
      at = at.inner
    end
    local transport = at.udp or at.tcp
    if transport and (ports[transport.source_port] or ports[transport.dest_port]) then
      local head = ("%s %s.%d > %s.%d: "):format(output.time_of_day(pkt), at.ip.src,
        transport.source_port, at.ip.dst, transport.dest_port)
      each_message(at, streams, function(message)
        output.line(head, line(message))
      end)
    end
  end)
end

return command
