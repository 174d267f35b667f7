--- pcap json: an object for each packet, a line each, for jq and the like.

local decode = require "pcap.decode"
local fields = require "pcap.program.fields"
local input = require "pcap.program.input"
local json = require "pcap.program.json"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local pcap = require "pcap"
local reading = require "pcap.program.reading"

local command = { summary = "Prints packets as JSON, a line each, with all fields, for jq" }

function command.options(parser)
  options.line_buffered(parser)
  options.input(parser)
end

-- The number and the name of a packet's interface, by the number. Each is made once.
local function interfaces(cap)
  local made = {}
  return function(number)
    if not made[number] then
      local interface = cap:interfaces()[number]
      local parts = { json.pair("number", json.scalar(number)) }
      if interface and interface.name then
        parts[2] = json.pair("name", json.string(interface.name))
      end
      made[number] = json.object(parts)
    end
    return made[number]
  end
end

-- What only some packets have.
local function add_options(parts, pkt)
  if pkt.direction then
    parts[#parts + 1] = json.pair("direction", json.string(pkt.direction))
  end
  local comments = {}
  for i, comment in ipairs(pkt:comments()) do
    comments[i] = json.string(comment)
  end
  if #comments > 0 then
    parts[#parts + 1] = json.pair("comment", comments[1])
  end
  if #comments > 1 then
    parts[#parts + 1] = json.pair("comments", json.list(comments))
  end
  if pkt:dropped() then
    parts[#parts + 1] = json.pair("dropped", json.scalar(pkt:dropped()))
  end
end

-- The time as a number has all digits; a reader that takes it as a double loses the last ones.
local HEAD = '"number":%d,"time":%s,"sec":%.0f,"nsec":%d,"caplen":%d,"wirelen":%.0f,'
  .. '"linktype":%s,"interface":%s'

-- A time before 1970 is a negative number of seconds and a fraction to add.
local function time_of(sec, nsec)
  if sec < 0 and nsec > 0 then
    return ("-%.0f.%09d"):format(-sec - 1, 1e9 - nsec)
  end
  return ("%.0f.%09d"):format(sec, nsec)
end

function command.run(args)
  args.precision = "nano"
  local cap, is_live = input.open(args)
  local layers, interface = decode.layers(), interfaces(cap)
  reading.print(cap, args, is_live, function(pkt, number)
    local sec, nsec = output.time(pkt)
    local parts = { HEAD:format(number, time_of(sec, nsec), sec, nsec, pkt.caplen,
      pkt.wirelen, json.string(pcap.datalink_name(pkt.linktype) or tostring(pkt.linktype)),
      interface(pkt.interface)) }
    add_options(parts, pkt)
    parts[#parts + 1] = json.pair("layers", fields.headers(layers(pkt)))
    output.line(json.object(parts))
  end)
end

return command
