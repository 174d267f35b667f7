--- pcap rotate: records packets of a device or a file into files that rotate.

local check = require "pcap.program.check"
local input = require "pcap.program.input"
local options = require "pcap.program.options"
local output = require "pcap.program.output"
local progress = require "pcap.program.progress"
local reading = require "pcap.program.reading"

local rotate = { summary = "Records packets into files that rotate" }

-- tcpdump's unit.
local MEGABYTE = 1000000

function rotate.options(parser)
  parser:option("-w --write", "The files' name. It takes the fields of strftime(3), and %i or %05i,"
    .. " a counter."):argname "NAME":count(1)
  local whole = options.whole(1)
  parser:option("-G --seconds", "A file ends at multiples of so many seconds since 1970.")
    :argname "SECONDS":convert(whole)
  parser:mutex(
    parser:option("-C", "A file has at most so many million bytes."):target "megabytes"
      :argname "MILLIONS":convert(whole),
    parser:option("--bytes", "A file has at most so many bytes."):argname "N"
      :convert(options.whole(1, 2 ^ 53)))
  parser:option("--packets", "A file has at most so many packets."):argname "N":convert(whole)
  parser:mutex(
    parser:option("-W", "With -C, --bytes or --packets: as --keep. With -G alone: stop after so"
      .. " many files."):target "files":argname "N":convert(whole),
    parser:option("--keep", "Delete the oldest files, so that so many stay."):argname "N"
      :convert(whole))
  parser:option("-z --exec", "Run 'COMMAND FILE' in a shell when a file is complete.")
    :argname "COMMAND"
  parser:mutex(
    parser:flag("--gzip", "Compress the files; default: if the name ends with .gz."),
    parser:flag("--zstd", "The same with zstd; default: if the name ends with .zst."))
  parser:flag("--utc", "The name tells the time in UTC, not local time.")
  parser:flag("--temporary", "A file is called NAME.part until it is complete.")
  parser:flag("--overwrite", "Replace files that are there already.")
  parser:flag("-v --verbose", "Name each file that is complete.")
  options.format(parser)
  options.input(parser)
end

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- Runs a program for a file. A capture goes on meanwhile, a file can wait. Ctrl-C is for us alone.
local function run(args, path, is_live)
  local problem = ("%s: %s: '%s' has failed, with status "):format(args.title, path, args.exec)
  local script = ("trap '' INT; %s %s || echo %s$? >&2"):format(args.exec, quoted(path),
    quoted(problem))
  check.done(io.popen(is_live and "{ " .. script .. "; } &" or script, "w")):close()
end

-- The dumper, whose misuse is that of the options.
local function open(cap, args, is_live)
  local how = { seconds = args.seconds, packets = args.packets, keep = args.keep,
    bytes = args.bytes or args.megabytes and args.megabytes * MEGABYTE,
    temporary = args.temporary, overwrite = args.overwrite, utc = args.utc }
  function how.on_close(path, stats)
    if stats.message then
      check.warn(args, stats.message)
    elseif args.verbose then
      progress.clear()
      io.stderr:write(("%s: %s, %.0f bytes\n"):format(path, output.number(stats.packets, "packet"),
        stats.bytes))
    end
    if args.exec then
      run(args, path, is_live)
    end
  end
  local is_sound, dumper = pcall(output.dumper, cap, args.write, args,
    { rotate = how, compress = args.gzip and "gzip" or args.zstd and "zstd" or nil })
  local misuse = not is_sound and not check.is_failure(dumper)
    and dumper:match "bad argument #%d to '[%a_]+' %((.*)%)$"
  if misuse then
    check.misuse(misuse, args.usage)
  elseif not is_sound then
    error(dumper, 0)
  end
  return dumper
end

-- Makes the function that tells by a time, in seconds, whether so many files of a rotation by time
-- are over.
local function end_after(files, seconds)
  local period
  return function(time)
    local now = math.floor(time / seconds)
    if period and now > period then
      files = files - 1
    end
    period = math.max(period or now, now)
    return files <= 0
  end
end

function rotate.run(args)
  local ends_by_size = args.megabytes or args.bytes or args.packets
  if not (ends_by_size or args.seconds) then
    check.misuse("when does a file end? Give -G, -C, --bytes or --packets", args.usage)
  end
  if args.write == "-" then
    check.misuse("-w needs the name of files: stdout does not rotate", args.usage)
  end
  local is_over = function() return false end
  if args.files and not ends_by_size then
    is_over = end_after(args.files, args.seconds)
  else
    args.keep = args.keep or args.files
  end
  local cap, is_live = input.open(args)
  local dumper = open(cap, args, is_live)
  local failure

  local function done(result, message)
    failure = failure or not result and message
    return result and true or false
  end

  -- The time of a file that has begun goes on without packets.
  local function pause()
    if is_live and dumper:fileno() and is_over(os.time()) then
      return false
    end
    return done(dumper:flush()) and (not is_live or done(dumper:tick()))
  end

  local function close()
    done(dumper:close())
  end

  local _, problem = reading.each(cap, { count = args.count, duration = args.duration,
    shows_counts = true, pause = pause, close = close }, function(pkt)
    return not is_over(tonumber(pkt.sec)) and done(dumper:dump(pkt))
  end)
  if failure or problem then
    check.fail(failure or problem)
  end
end

return rotate
