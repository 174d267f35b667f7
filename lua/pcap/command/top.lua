--- pcap top: who talks most, in a file or live, as a table that refreshes.

local conversations = require "pcap.program.conversations"
local check = require "pcap.program.check"
local input = require "pcap.program.input"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local progress = require "pcap.program.progress"
local reading = require "pcap.program.reading"

local top = { summary = "Shows who talks most, in a file or live, as a table that refreshes" }

function top.options(parser)
  parser:option("--rows", "Conversations to show."):argname "N":convert(options.whole(1))
    :default "10"
  parser:option("--every", "Seconds between two tables of a live capture."):argname "SECONDS"
    :convert(options.seconds):default "1"
  options.input(parser)
end

local BEGIN_SCREEN = "\27[H\27[J"

-- Makes the function that prints the table.
local function shower(get_list, rows, head)
  local order = conversations.by "bytes"
  return function()
    local list = get_list()
    table.sort(list, order)
    local lines = { ("%s%12s %10s  %d flows"):format(head, "bytes", "packets", #list) }
    for i = 1, math.min(rows, #list) do
      local flow = list[i]
      lines[i + 1] = ("%12d %10d  %-7s %s <-> %s"):format(flow.bytes, flow.packets, flow.protocol,
        flow.a, flow.b)
    end
    output.line(table.concat(lines, "\n"))
    check.written(io.flush())
  end
end

function top.run(args)
  args.snapshot_length = args.snapshot_length or 128
  local cap, is_live = input.open(args)
  local add, get_list = conversations.new()
  local show = shower(get_list, args.rows,
    is_live and progress.prints_to_terminal() and BEGIN_SCREEN or "")
  local how = { count = args.count, duration = args.duration, shows_counts = is_live,
    prints = is_live }
  local shown_at = reading.clock()

  -- A silent link brings the next table by the clock, a busy one by the time of the packets.
  function how.pause()
    if reading.clock() - shown_at >= args.every then
      shown_at = reading.clock()
      show()
    end
  end

  local begun
  local _, problem = reading.each(cap, how, function(pkt)
    add(pkt)
    begun = begun or pkt:timestamp()
    if is_live and pkt:timestamp() - begun >= args.every then
      begun, shown_at = pkt:timestamp(), reading.clock()
      show()
    end
  end)
  show()
  if problem then
    check.fail(problem)
  end
end

return top
