--- pcap dump: prints packets as `tcpdump -n -q` does, or writes them to a savefile.

local check = require "pcap.program.check"
local input = require "pcap.program.input"
local lines = require "pcap.program.lines"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local pcap = require "pcap"
local reading = require "pcap.program.reading"

local dump = { summary = "Prints packets, a line each, or captures them to a file" }

function dump.options(parser)
  parser:option("-w --write", "Write the packets to a file instead; '-' is stdout.")
    :argname "FILE"
  parser:flag("-D --list-interfaces", "List the devices, and do nothing else.")
  lines.options(parser)
  options.line_buffered(parser)
  parser:flag("-U --packet-buffered", "Write each packet to the file at once.")
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

local function write(cap, args, is_live)
  local dumper = output.dumper(cap, args.write, args)
  local how = { count = args.count, duration = args.duration, shows_counts = is_live,
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
  reading.print(cap, args, is_live, lines.printer(args))
end

return dump
