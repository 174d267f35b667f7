--- pcap info: what is in a savefile, with the names and units of `capinfos -M`.

local check = require "pcap.program.check"
local input = require "pcap.program.input"
local output = require "pcap.program.output"
local reading = require "pcap.program.reading"
local stop = require "pcap.program.stop"

local info = { summary = "Tells of files: counts, rates, interfaces, link types, times" }

function info.options(parser)
  parser:argument("files", "The files to read; '-' is stdin."):args "+":argname "FILE"
end

local function say(label, format, ...)
  output.line(("%-21s "):format(label .. ":"), (format:format(...)))
end

-- Reads all packets. Gives the counts, and the message if the file ends with an error.
local function count_packets(cap)
  local counts = { packets = 0, bytes = 0, captured = 0, cut = 0, in_order = true,
    by_interface = {}, by_linktype = {} }
  local by_interface, by_linktype = counts.by_interface, counts.by_linktype
  local last_sec, last_nsec
  local packets, problem = reading.each(cap, {}, function(pkt)
    local sec, nsec = output.time(pkt)
    local is_earliest = not counts.first
      or sec < counts.first or sec == counts.first and nsec < counts.first_nsec
    if is_earliest then
      counts.first, counts.first_nsec = sec, nsec
    end
    if not counts.last or sec > counts.last or sec == counts.last and nsec > counts.last_nsec then
      counts.last, counts.last_nsec = sec, nsec
    end
    if last_sec and (sec < last_sec or sec == last_sec and nsec < last_nsec) then
      counts.in_order = false
    end
    last_sec, last_nsec = sec, nsec
    counts.bytes = counts.bytes + pkt.wirelen
    counts.captured = counts.captured + pkt.caplen
    if pkt.caplen < pkt.wirelen then
      counts.cut = counts.cut + 1
    end
    by_interface[pkt.interface] = (by_interface[pkt.interface] or 0) + 1
    by_linktype[pkt.linktype] = (by_linktype[pkt.linktype] or 0) + 1
  end)
  counts.packets = packets
  return counts, problem
end

-- A time with as many digits as the file has.
local function date(sec, nsec, digits)
  return ("%s.%0" .. digits .. "d"):format(os.date("%Y-%m-%d %H:%M:%S", sec),
    nsec / 10 ^ (9 - digits))
end

local function say_times(counts, digits)
  local duration = counts.last - counts.first + (counts.last_nsec - counts.first_nsec) / 1e9
  say("Capture duration", "%." .. digits .. "f seconds", duration)
  say("First packet time", "%s", date(counts.first, counts.first_nsec, digits))
  say("Last packet time", "%s", date(counts.last, counts.last_nsec, digits))
  if duration > 0 then
    say("Data byte rate", "%.2f bytes/sec", counts.bytes / duration)
    say("Data bit rate", "%.2f bits/sec", counts.bytes * 8 / duration)
  end
  say("Average packet size", "%.2f bytes", counts.bytes / counts.packets)
  if duration > 0 then
    say("Average packet rate", "%.2f packets/sec", counts.packets / duration)
  end
  say("Strict time order", counts.in_order and "True" or "False")
end

local RESOLUTIONS = { [0] = "seconds", [3] = "milliseconds", [6] = "microseconds",
  [9] = "nanoseconds" }

local function resolution(tsresol)
  local power = tsresol >= 128 and ("2^-%d seconds"):format(tsresol - 128)
    or ("10^-%d seconds"):format(tsresol)
  return RESOLUTIONS[tsresol] or power
end

local function say_interface(interface, packets)
  output.line(("Interface %d:%s"):format(interface.number,
    interface.name and " " .. output.safe(interface.name) or ""))
  local function more(label, value)
    if value ~= nil then
      output.line((" "):rep(22), label, " = ", (output.safe(tostring(value))))
    end
  end
  more("Description", interface.description)
  more("Link type", input.linktype(interface.linktype))
  more("Capture length", interface.snaplen)
  more("Time precision", resolution(interface.tsresol))
  more("Filter", interface.filter)
  more("Hardware", interface.hardware)
  more("Operating system", interface.os)
  more("Comment", interface.comment)
  more("Number of packets", packets)
  more("Received", interface.received)
  more("Dropped", interface.dropped)
end

local function say_interfaces(cap, counts)
  local list = cap:interfaces()
  say("Number of interfaces", "%d", #list)
  for _, interface in ipairs(list) do
    say_interface(interface, counts.by_interface[interface.number] or 0)
  end
end

local function linktypes(cap, counts)
  local numbers, names = {}, {}
  for number in pairs(counts.by_linktype) do
    numbers[#numbers + 1] = number
  end
  table.sort(numbers)
  for i, number in ipairs(numbers) do
    names[i] = input.linktype(number)
  end
  return #names > 0 and table.concat(names, ", ") or input.linktype(cap:datalink())
end

local function describe(path)
  local cap = input.file(path)
  local section = input.is_pcapng(cap) and cap:section()
  local counts, problem = count_packets(cap)
  local _, size = cap:progress()
  local tsresol = cap:interfaces()[1] and cap:interfaces()[1].tsresol
  say("File name", "%s", path)
  say("File type", section and "pcapng" or tsresol == 9 and "nanosecond pcap" or "pcap")
  say("Link type", "%s", linktypes(cap, counts))
  say("Packet size limit", "%d bytes", cap:snapshot())
  say("Number of packets", "%d", counts.packets)
  if counts.cut > 0 then
    say("Packets cut short", "%d", counts.cut)
  end
  if type(size) == "number" then
    say("File size", "%d bytes", size)
  end
  say("Data size", "%d bytes", counts.bytes)
  if counts.packets > 0 then
    say_times(counts, tsresol == 6 and 6 or 9)
  end
  if section then
    for _, key in ipairs { "application", "os", "hardware", "comment" } do
      if section[key] then
        say("Capture " .. key, "%s", output.safe(section[key]))
      end
    end
  end
  say_interfaces(cap, counts)
  if problem then
    check.fail(problem)
  end
end

function info.run(args)
  local failure
  for i, path in ipairs(args.files) do
    if i > 1 then
      output.line ""
    end
    local described, problem = pcall(describe, path)
    if not described and (i == #args.files or not check.is_failure(problem)) then
      error(problem, 0)
    elseif not described then
      failure = problem
      check.written(io.flush())
      check.warn(args, problem.message)
    end
    if stop.is_asked() then
      break
    end
  end
  if failure then
    check.fail "not all files could be read"
  end
end

return info
