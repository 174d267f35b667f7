--- pcap flows: a table of conversations, as `tshark -q -z conv,tcp` has it.

local conversations = require "pcap.program.conversations"
local check = require "pcap.program.check"
local input = require "pcap.program.input"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local reading = require "pcap.program.reading"

local flows = { summary = "Lists the conversations: ends, packets, bytes, begin and duration" }

function flows.options(parser)
  parser:option("--sort", "By bytes (default), packets or duration, the most first, or by the"
    .. " first packet."):argname "FIELD":choices { "bytes", "packets", "first", "duration" }
    :default "bytes"
  options.input(parser)
end

local HEAD = { "protocol", "A", "B", "packets", "bytes", "packets_AB", "bytes_AB",
  "packets_BA", "bytes_BA", "first", "duration" }

local function row(flow, begun)
  return { flow.protocol, flow.a, flow.b, ("%d"):format(flow.packets), ("%d"):format(flow.bytes),
    ("%d"):format(flow.packets_ab), ("%d"):format(flow.bytes_ab),
    ("%d"):format(flow.packets - flow.packets_ab), ("%d"):format(flow.bytes - flow.bytes_ab),
    ("%.6f"):format(flow.first - begun), ("%.6f"):format(flow.duration) }
end

-- The first three columns are text, and stand left.
local function show(rows)
  local widths = {}
  for _, cells in ipairs(rows) do
    for i, cell in ipairs(cells) do
      widths[i] = math.max(widths[i] or 0, #cell)
    end
  end
  for _, cells in ipairs(rows) do
    local line = {}
    for i, cell in ipairs(cells) do
      line[i] = ("%" .. (i <= 3 and "-" or "") .. widths[i] .. "s"):format(cell)
    end
    output.line(table.concat(line, "  "))
  end
end

function flows.run(args)
  local cap, is_live = input.open(args)
  local add, get_list = conversations.new()
  local begun
  local _, problem = reading.each(cap,
    { count = args.count, duration = args.duration, shows_counts = is_live },
    function(pkt)
      begun = begun or pkt:timestamp()
      add(pkt)
    end)
  local list, rows = get_list(), { HEAD }
  for _, flow in ipairs(list) do
    flow.duration = flow.last - flow.first
  end
  table.sort(list, conversations.by(args.sort, args.sort == "first"))
  for i, flow in ipairs(list) do
    rows[i + 1] = row(flow, begun)
  end
  show(rows)
  if problem then
    check.fail(problem)
  end
end

return flows
