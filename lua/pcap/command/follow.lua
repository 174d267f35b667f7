--- pcap follow: prints the packets of a file as it grows, or writes them on, as `tail -F` does.

local check = require "pcap.program.check"
local input = require "pcap.program.input"
local lines = require "pcap.program.lines"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local reading = require "pcap.program.reading"
local stop = require "pcap.program.stop"

local follow = { summary = "Prints the packets of a file as it grows, or writes them on" }

function follow.options(parser)
  parser:argument("file", "The file to follow, also over rotation."):argname "FILE"
  options.expression(parser)
  parser:option("-w --write", "Write the packets to a file instead; '-' is stdout.")
    :argname "FILE"
  options.format(parser)
  parser:option("-c", "Stop after so many packets."):target "count":argname "N"
    :convert(options.whole(1))
  parser:flag("--new", "Leave out the packets that the file has at the start.")
  options.numeric(parser)
  options.line_buffered(parser)
  lines.options(parser)
end

-- What is said of another file at the path.
local CHANGES = { rotated = "has been replaced: going on with the new file",
  truncated = "has been cut off: going on from its start" }

-- Where packets go: `take(pkt, number)`; `flush()`, for when the file has no more for now;
-- `change()`, for when another file follows; `close()`.

local function to_lines(args)
  local function flush()
    check.written(io.flush())
  end
  return { take = lines.printer(args), flush = flush, close = flush, change = function() end }
end

-- In pcapng, packets of another file begin a section, which has their interfaces. Nothing can be
-- appended to a compressed file.
local function to_file(cap, args)
  local dumper = output.dumper(cap, args.write, args)
  local sink = {}

  function sink.take(pkt)
    check.done(dumper:dump(pkt))
  end

  function sink.flush()
    check.done(dumper:flush())
  end

  function sink.close()
    check.done(dumper:close())
  end

  function sink.change()
    if output.format(args.write, args.format) == "pcapng"
      and not output.compression(args.write) then
      sink.close()
      dumper = output.dumper(cap, args.write, args, { append = args.write ~= "-" })
    end
  end

  return sink
end

local INTERRUPTED = {}

-- Opens the file when its header is there. Gives nil if the program is asked to end before.
local function open(path)
  stop.on_signal { breakloop = function() error(INTERRUPTED, 0) end }
  local opened, cap = pcall(input.file, path, { follow = true, timeout = math.huge })
  if not opened and cap ~= INTERRUPTED then
    error(cap, 0)
  end
  return opened and cap or nil
end

function follow.run(args)
  local cap = open(args.file)
  if not cap then
    io.stderr:write "\n0 packets captured\n"
    return
  end
  stop.on_signal(cap)
  input.set_filter(cap, args.expression)
  check.done(cap:set_nonblock(true)) -- the header has been waited for; see reading.lua
  io.stderr:write(("following %s, link-type %s, snapshot length %d bytes\n"):format(args.file,
    input.linktype(cap:datalink()), cap:snapshot()))
  local sink = args.write and to_file(cap, args) or to_lines(args)

  local function resume(ending)
    if CHANGES[ending] then
      check.warn(args, ("%s %s"):format(args.file, CHANGES[ending]))
      sink.change()
    end
    return CHANGES[ending] ~= nil
  end

  if args.new then
    for _ in cap:packets() do end -- until the file has no more for now
  end
  local _, problem = reading.each(cap, { count = args.count, shows_counts = true,
    prints = not args.write, flushes = args.l, pause = sink.flush, close = sink.close,
    resume = resume }, sink.take)
  if problem then
    check.fail(problem)
  end
end

return follow
