--- pcap copy: copies the packets of a savefile that match an expression.

local check = require "pcap.program.check"
local input = require "pcap.program.input"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local reading = require "pcap.program.reading"

local copy = { summary = "Copies the packets of a file that match, as pcap or pcapng" }

function copy.options(parser)
  parser:argument("from", "The file to read; '-' is stdin."):argname "FROM"
  parser:argument("to", "The file to write; '-' is stdout."):argname "TO"
  options.expression(parser)
  parser:option("-c", "Copy so many packets at the most."):target "count"
    :argname "N":convert(options.whole(1))
  parser:flag("--blocks", "Copy the blocks of unknown types of a pcapng file too.")
  options.format(parser)
end

function copy.run(args)
  if args.blocks and output.format(args.to, args.format) ~= "pcapng" then
    check.misuse("--blocks is for pcapng: --format pcapng", args.usage)
  end
  local cap = input.file(args.from, { blocks = args.blocks or false })
  input.set_filter(cap, args.expression)
  local dumper = output.dumper(cap, args.to, args)
  local count, problem = reading.each(cap, { count = args.count }, function(pkt)
    check.done(dumper:dump(pkt))
  end)
  check.done(dumper:close())
  io.stderr:write(output.number(count, "packet"), " copied\n")
  if problem then
    check.fail(problem)
  end
end

return copy
