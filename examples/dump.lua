--- Prints packets as tcpdump does, one line each, or writes them to a savefile.
--
--   luajit examples/dump.lua [-r file | -i device] [-w file] [-c count] [expression]
--
-- A file "-" is stdin or stdout. A name to write that ends with .pcapng makes it pcapng. Ctrl-C and
-- SIGTERM end it. All that was captured is written then.

local pcap = require "pcap"
local decode = require "pcap.decode"
local progress = dofile((arg[0]:gsub("[^/]+$", "progress.lua")))
local stop_on_signal = dofile((arg[0]:gsub("[^/]+$", "stop.lua")))

local function check(value, message)
  if not value then
    io.stderr:write("dump: ", message, "\n")
    os.exit(1)
  end
  return value, message
end

local options, expression = {}, {}
local i = 1
while arg[i] do
  local letter = arg[i]:match "^%-([riwc])$"
  if letter then
    options[letter] = check(arg[i + 1], arg[i] .. " needs a value")
    i = i + 1
  else
    expression[#expression + 1] = arg[i]
  end
  i = i + 1
end
check(not options.c or options.c:find "^%d+$", "-c needs a number of packets")

local cap, warning
if options.r then
  cap = check(pcap.open_offline(options.r))
else
  cap, warning = check(pcap.open_live { device = options.i, timeout = 1 })
  io.stderr:write(warning and warning .. "\n" or "", "listening on ", tostring(cap), "\n")
end
if #expression > 0 then
  check(cap:set_filter(table.concat(expression, " ")))
end

local function line(pkt, linktype)
  return ("%s.%06d %s"):format(os.date("%H:%M:%S", pkt.sec), pkt.nsec / 1000,
    decode.summary(pkt, linktype))
end

local linktype = cap:datalink()
local show = progress(cap, not options.w)
local format = options.w and options.w:find "%.pcapng$" and "pcapng" or "pcap"
local dumper = options.w and check(cap:dump_open(options.w, { format = format }))
local left = tonumber(options.c) or math.huge

stop_on_signal(cap)

-- A live capture's loop ends whenever nothing came during its timeout, so it is started again.
repeat
  for pkt in cap:packets(left < math.huge and left or nil) do
    if dumper then
      check(dumper:dump(pkt))
    else
      check(io.write(line(pkt, linktype), "\n"))
    end
    left = left - 1
    show()
  end
  check(io.flush())
until cap:ending() ~= "timeout"
show "done"

if dumper then
  check(dumper:close())
end
local ending = cap:ending()
check(ending == "closed" or ending == "limit" or ending == "break", ending)
