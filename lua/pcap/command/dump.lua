--- pcap dump: prints packets as `tcpdump -n -q` does, or writes them to a savefile.

local check = require "pcap.program.check"
local decode = require "pcap.decode"
local input = require "pcap.program.input"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local pcap = require "pcap"
local reading = require "pcap.program.reading"

local dump = { summary = "Prints packets, a line each, or captures them to a file" }

function dump.options(parser)
  parser:option("-w --write", "Write the packets to a file instead; '-' is stdout.")
    :argname "FILE"
  parser:flag("-D --list-interfaces", "List the devices, and do nothing else.")
  parser:flag("-t", "Print no times; -tt: seconds since 1970; -ttt: since the packet before;"
    .. " -tttt: date and time; -ttttt: since the first packet."):count "0-5"
  parser:flag("--nano", "Capture, print and write nanoseconds.")
  parser:flag("-# --number", "Print the packets' numbers.")
  parser:flag("-l", "Hand each line on at once.")
  parser:flag("-U --packet-buffered", "Write each packet to the file at once.")
  parser:flag("-q", "Taken for tcpdump's sake: the lines are always short.")
  options.format(parser)
  options.input(parser)
end

local function list_devices()
  for number, device in ipairs(check.done(pcap.devices())) do
    local flags = {}
    for _, flag in ipairs { { device.up, "Up" }, { device.running, "Running" },
      { device.loopback, "Loopback" }, { device.wireless, "Wireless" } } do
      flags[#flags + 1] = flag[1] and flag[2] or nil
    end
    local status = device.status
    if not device.loopback and (status == "connected" or status == "disconnected") then
      flags[#flags + 1] = status:gsub("^%l", string.upper)
    end
    output.line(("%d.%s%s%s"):format(number, device.name,
      device.description and (" (%s)"):format(device.description) or "",
      #flags > 0 and (" [%s]"):format(table.concat(flags, ", ")) or ""))
  end
end

-- A difference of two times, as tcpdump prints it: `units` of a fraction of so many digits.
local function since(pkt, sec, units, digits)
  local scale, now, nsec = 10 ^ digits, output.time(pkt)
  local difference = (now - sec) * scale + math.floor(nsec / 10 ^ (9 - digits)) - units
  local sign = difference < 0 and "-" or " "
  local seconds = math.floor(math.abs(difference) / scale)
  return ("%s%02d:%02d:%02d.%0" .. digits .. "d "):format(sign, seconds / 3600, seconds / 60 % 60,
    seconds % 60, math.abs(difference) % scale)
end

-- Gives the function that makes the time of a packet's line, by the number of -t.
local function time_format(count, digits)
  local fraction, scale = ".%0" .. digits .. "d", 10 ^ (9 - digits)
  local from_sec, from_units
  local function note(pkt)
    local sec, nsec = output.time(pkt)
    from_sec, from_units = sec, math.floor(nsec / scale)
  end
  return ({
    [0] = function(pkt) return output.time_of_day(pkt, digits) .. " " end,
    function() return "" end,
    function(pkt)
      local sec, nsec = output.time(pkt)
      return ("%d" .. fraction .. " "):format(sec, nsec / scale)
    end,
    function(pkt)
      if not from_sec then note(pkt) end
      local text = since(pkt, from_sec, from_units, digits)
      note(pkt)
      return text
    end,
    function(pkt)
      return os.date("%Y-%m-%d ", (output.time(pkt))) .. output.time_of_day(pkt, digits) .. " "
    end,
    function(pkt)
      if not from_sec then note(pkt) end
      return since(pkt, from_sec, from_units, digits)
    end,
  })[count]
end

local function printer(args)
  local time, flushes = time_format(args.t, args.nano and 9 or 6), args.l
  return function(pkt, number)
    local head = args.number and ("%5d  "):format(number) or ""
    output.line(head, time(pkt), decode.summary(pkt))
    if flushes then
      check.written(io.flush())
    end
  end
end

local function write(cap, args, is_live)
  local dumper = output.dumper(cap, args.write, args)
  local how = { count = args.count, duration = args.duration, is_live = is_live,
    pause = function() check.done(dumper:flush()) end }
  local _, problem = reading.each(cap, how, function(pkt)
    check.done(dumper:dump(pkt))
    if args.packet_buffered then
      check.done(dumper:flush())
    end
  end)
  check.done(dumper:close())
  if problem then
    check.fail(problem)
  end
end

function dump.run(args)
  if args.list_interfaces then
    return list_devices()
  end
  args.precision = args.nano and "nano" or "micro"
  local cap, is_live = input.open(args)
  if args.write then
    return write(cap, args, is_live)
  end
  reading.print(cap, args, is_live, printer(args))
end

return dump
