--- pcap split: splits a savefile into files of a packet each, or of some.

local check = require "pcap.program.check"
local input = require "pcap.program.input"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local reading = require "pcap.program.reading"

local split = { summary = "Splits a file into files of a packet each, or of some" }

function split.options(parser)
  parser:argument("file", "The file to read; '-' is stdin."):argname "FILE"
  parser:argument("prefix", "What the names of the files begin with; default: packet-.")
    :args "?":argname "PREFIX"
  options.expression(parser)
  parser:option("--packets", "Packets in each file."):argname "N":convert(options.whole(1))
    :default "1"
  parser:option("--format", "Of the files."):argname "FORMAT":choices { "pcap", "pcapng" }
    :default "pcap"
end

function split.run(args)
  local cap = input.file(args.file)
  input.set_filter(cap, args.expression)
  local prefix = args.prefix or "packet-"
  local files, dumper = 0, nil
  local _, problem = reading.each(cap, {}, function(pkt, number)
    if (number - 1) % args.packets == 0 then
      files = files + 1
      dumper = output.dumper(cap, ("%s%05d.%s"):format(prefix, files, args.format), args)
    end
    check.done(dumper:dump(pkt))
    if number % args.packets == 0 then
      check.done(dumper:close())
      dumper = nil
    end
  end)
  if dumper then
    check.done(dumper:close())
  end
  output.line(output.number(files, "file"), " written")
  if problem then
    check.fail(problem)
  end
end

return split
