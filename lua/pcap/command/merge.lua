--- pcap merge: merges savefiles into one, in the order of their packets' times, as mergecap does.

local check = require "pcap.program.check"
local input = require "pcap.program.input"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local pcap = require "pcap"
local reading = require "pcap.program.reading"

local merge = { summary = "Merges files into one, in the order of their packets' times" }

function merge.options(parser)
  options.files(parser)
  parser:option("-w --write", "The file to write; '-' is stdout."):argname "FILE":count(1)
  parser:option("-F --format", "Of what is written; default: pcapng, but pcap if the name ends with"
    .. " .pcap and the files have one link type."):argname "FORMAT":choices { "pcap", "pcapng" }
end

-- A pcap file has one link type.
local function has_one_linktype(caps)
  local first = caps[1]:datalink()
  for _, cap in ipairs(caps) do
    for _, interface in ipairs(cap:interfaces()) do
      if interface.linktype ~= first then
        return false
      end
    end
  end
  return true
end

function merge.run(args)
  input.check_files(args)
  local caps = {}
  for i, path in ipairs(args.files) do
    caps[i] = input.file(path)
    input.set_filter(caps[i], { args.filter })
  end
  local is_simple = has_one_linktype(caps)
  if args.format == "pcap" and not is_simple then
    check.fail("the files have several link types, and a pcap file has one: write pcapng")
  elseif not args.format then
    args.format = output.is_called(args.write, "pcap") and is_simple and "pcap" or "pcapng"
  end
  local merged = check.done(pcap.merge(caps))
  local dumper = output.dumper(merged, args.write, args, nil, caps)
  local has_failed = false
  local function resume(problem)
    check.warn(args, problem)
    has_failed = true
    return true
  end
  local count = reading.each(merged, { files = caps, resume = resume }, function(pkt)
    check.done(dumper:dump(pkt))
  end)
  check.done(dumper:close())
  io.stderr:write(output.number(count, "packet"), " merged\n")
  if has_failed then
    check.fail()
  end
end

return merge
