--- Merges savefiles into one, in the order of their packets' times, as mergecap does.
--
--   luajit examples/merge.lua [-F pcap|pcapng] -w to from from ...

local HELP = [[
Usage: luajit examples/merge.lua [options] -w to from from ...

Merges savefiles, pcap and pcapng, into one: in the order of the packets' times, as mergecap does.
Times are written in nanoseconds.

  -w to      the file to write; "-" is stdout
  -F format  pcap or pcapng. Default: pcapng if the name ends with .pcapng, or if the files'
             link types differ; pcap otherwise
  -f filter  only packets that match, see pcap-filter(7)
  -h         this text

A file to read may be compressed with gzip or zstd, and "-" is stdin. Ctrl-C and SIGTERM end
the program; the file then has the packets so far. The status is 0; 1 if something failed; 2 if the
arguments are wrong.]]

local folder = arg[0]:gsub("[^/]+$", "")
local arguments = dofile(folder .. "arguments.lua")
local progress = require("pcap.program.progress").new
local stop_on_signal = dofile(folder .. "stop.lua")
local pcap = require "pcap"

local check = arguments.check
local options, names = arguments.read(HELP, { w = "string", F = "string", f = "string" })
if not options.w then
  arguments.misuse "-w is missing"
elseif #names == 0 then
  arguments.misuse "there are no files to merge"
elseif options.F and options.F ~= "pcap" and options.F ~= "pcapng" then
  arguments.misuse("-F is pcap or pcapng, not " .. options.F)
end

local caps, linktypes, count_of_linktypes = {}, {}, 0
for i, name in ipairs(names) do
  local cap = check(pcap.open_offline(name, { precision = "nano" }))
  if options.f then
    check(cap:set_filter(options.f))
  end
  for _, interface in ipairs(cap:interfaces()) do
    if not linktypes[interface.linktype] then
      linktypes[interface.linktype], count_of_linktypes = true, count_of_linktypes + 1
    end
  end
  caps[i] = cap
end

-- How far all files have been read.
local files = {}
function files.progress()
  local sum, all = 0, 0
  for _, cap in ipairs(caps) do
    local position, size = cap:progress()
    if not position or not size then
      return nil
    end
    sum, all = sum + position, all + size
  end
  return sum, all
end

local merged = check(pcap.merge(caps))
local is_pcapng = options.w:find "%.pcapng$" or count_of_linktypes > 1
local dumper = check(merged:dump_open(options.w,
  { format = options.F or is_pcapng and "pcapng" or "pcap" }))
local show = progress(files, false)
stop_on_signal(merged)

local count, problem = 0, nil
repeat
  for pkt in merged:packets() do
    check(dumper:dump(pkt))
    count = count + 1
    show()
  end
  local ending = merged:ending()
  if ending ~= "closed" and ending ~= "break" then
    problem = ending
    io.stderr:write("merge: ", ending, "\n")
  end
until ending == "closed" or ending == "break"
show "done"
check(dumper:close())
io.stderr:write(count, " packets merged\n")
os.exit(problem and 1 or 0)
