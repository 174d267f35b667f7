--- Records packets of a device or a savefile into files that rotate.
--
--   luajit examples/rotate.lua --seconds 3600 --keep 24 --utc -i eth0 \
--     'trace-%Y%m%d-%H%M%S.pcap'
--   luajit examples/rotate.lua --help
--
-- Ends at Ctrl-C and SIGTERM with the counts of tcpdump, and with the last file complete. The exit
-- status is 0, 1 if something failed, 2 for a wrong command line.

local HELP = [[
Usage: rotate.lua [options] NAME [EXPRESSION]

Records packets into files. NAME takes the fields of strftime, and %i (%05i), a counter.

  -i DEVICE       captures live on a device
  -r FILE         reads a savefile ("-" is stdin)
  --bytes N       a file has at most N bytes
  --seconds N     a file ends at multiples of N seconds
  --packets N     a file has at most N packets
  --keep N        the last N files stay
  --pcapng        writes pcapng, not classic pcap
  --gzip, --zstd  packs the files
  --temporary     a file is called NAME.part until it is complete
  --overwrite     replaces files that are there already
  --utc           NAME tells the time in UTC, not local time
  --exec COMMAND  runs COMMAND FILE when a file is complete
  -v              names each file that is complete
  --help          prints this
]]

local pcap = require "pcap"
local stop_on_signal = dofile((arg[0]:gsub("[^/]+$", "stop.lua")))

local NUMBERS = { ["--bytes"] = "bytes", ["--seconds"] = "seconds", ["--packets"] = "packets",
  ["--keep"] = "keep" }
local WORDS = { ["-i"] = "device", ["-r"] = "file", ["--exec"] = "exec" }
local FLAGS = { ["--pcapng"] = "pcapng", ["--gzip"] = "gzip", ["--zstd"] = "zstd",
  ["--temporary"] = "temporary", ["--overwrite"] = "overwrite", ["--utc"] = "utc",
  ["-v"] = "verbose" }

local function leave(status, ...)
  io.stderr:write("rotate.lua: ", ...)
  io.stderr:write "\n"
  os.exit(status)
end

local function read_arguments()
  local opts, rotate, i = {}, {}, 1
  while i <= #arg do
    local word, value = arg[i], arg[i + 1]
    if word == "--help" then
      io.write(HELP)
      os.exit(0)
    elseif FLAGS[word] then
      opts[FLAGS[word]] = true
    elseif NUMBERS[word] or WORDS[word] then
      if NUMBERS[word] then
        rotate[NUMBERS[word]] = tonumber(value) or leave(2, word, " needs a number")
      end
      opts[NUMBERS[word] or WORDS[word]] = value or leave(2, word, " needs a value")
      i = i + 1
    elseif word:find "^%-." then
      leave(2, "unknown option ", word, "; see --help")
    elseif not opts.name then
      opts.name = word
    else
      opts.expression = opts.expression and opts.expression .. " " .. word or word
    end
    i = i + 1
  end
  if not opts.name or not opts.device == not opts.file then
    leave(2, "a NAME and one of -i and -r are needed; see --help")
  end
  return opts, rotate
end

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local opts, rotate = read_arguments()
rotate.temporary, rotate.overwrite, rotate.utc = opts.temporary, opts.overwrite, opts.utc
function rotate.on_close(path, stats)
  if stats.message then
    io.stderr:write("rotate.lua: ", stats.message, "\n")
  elseif opts.verbose then
    io.stderr:write(("%s: %d packets, %d bytes\n"):format(path, stats.packets, stats.bytes))
  end
  if opts.exec then
    os.execute(opts.exec .. " " .. quoted(path))
  end
end

local PAUSE = 0.5 -- seconds until the time is looked at when no packet comes
local cap, message
if opts.device then
  cap, message = pcap.open_live { device = opts.device, timeout = PAUSE }
else
  cap, message = pcap.open_offline(opts.file)
end
if cap and opts.expression then
  local set, problem = cap:set_filter(opts.expression)
  cap, message = set and cap, problem
end
if not cap then
  leave(1, message)
end

local is_sound, dumper, problem = pcall(cap.dump_open, cap, opts.name, { rotate = rotate,
  format = opts.pcapng and "pcapng" or nil,
  compress = opts.zstd and "zstd" or opts.gzip and "gzip" or nil })
if not is_sound then
  leave(2, (dumper:match "%((.*)%)$" or dumper))
elseif not dumper then
  leave(1, problem)
end

stop_on_signal(cap)

local count, failed = 0, nil
repeat
  for pkt in cap:packets() do
    local done, reason = dumper:dump(pkt)
    if not done then
      failed = reason
      break
    end
    count = count + 1
  end
  local ending = cap:ending()
  local is_waiting = not failed and ending == "timeout"
  if is_waiting then
    local done, reason = dumper:tick()
    failed = not done and reason or nil
  elseif not failed and ending ~= "closed" and ending ~= "break" then
    failed = ending
  end
until failed or not is_waiting

local closed, reason = dumper:close()
failed = failed or not closed and reason
io.stderr:write(count, " packets captured\n")
local stats = opts.device and cap:stats()
if stats then
  io.stderr:write(("%d packets received by filter\n%d packets dropped by kernel\n")
    :format(stats.received, stats.dropped))
end
if failed then
  leave(1, failed)
end
