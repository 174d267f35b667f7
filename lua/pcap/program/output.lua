--- What subcommands write: lines on stdout, and savefiles.

local check = require "pcap.program.check"
local input = require "pcap.program.input"
local pcap = require "pcap"

local output = {}

--- Prints a line. Fails if it cannot be written.
function output.line(...)
  check.written(io.write(...))
  check.written(io.write("\n"))
end

--- A number of things: "1 packet", "2 packets".
---@param count integer
---@param thing string
---@return string
function output.number(count, thing)
  return ("%d %s%s"):format(count, thing, count == 1 and "" or "s")
end

--- A packet's time: whole seconds, and nanoseconds from 0 to 999,999,999. A damaged file may have
-- any number for the latter.
---@return number sec
---@return number nsec
function output.time(pkt)
  local sec, nsec = tonumber(pkt.sec), tonumber(pkt.nsec)
  if nsec >= 0 and nsec < 1e9 then
    return sec, nsec
  end
  return sec + math.floor(nsec / 1e9), nsec % 1e9
end

-- The text of the second that was asked for last. Many packets share one.
local second, second_text

--- A packet's time of day, as tcpdump prints it.
---@param digits? integer  of the fraction: 6 (default) or 9
function output.time_of_day(pkt, digits)
  local sec, nsec = output.time(pkt)
  if sec ~= second then
    second, second_text = sec, os.date("%H:%M:%S", sec)
  end
  if digits == 9 then
    return ("%s.%09d"):format(second_text, nsec)
  end
  return ("%s.%06d"):format(second_text, nsec / 1000)
end

--- Text of a packet, safe for a terminal: what is not printable ASCII becomes \xNN.
function output.safe(text)
  return (text:gsub("[^\32-\126]", function(byte)
    return ("\\x%02x"):format(byte:byte())
  end))
end

-- Whether a pcap file needs no nanoseconds to keep the times of captures: pcap files of
-- microseconds. In a pcapng file, the next interface may have nanoseconds.
local function have_microseconds(caps)
  for _, cap in ipairs(caps) do
    if input.is_pcapng(cap) or cap:interfaces()[1].tsresol ~= 6 then
      return false
    end
  end
  return true
end

local COMPRESSIONS = { gz = "gzip", zst = "zstd" }

-- What a file's name tells: the name without its compression, and that.
local function uncompressed(path)
  local name, extension = path:match "^(.*)%.(%a+)$"
  local compression = COMPRESSIONS[extension]
  return compression and name or path, compression
end

--- How a file is compressed, by its name, or nil.
function output.compression(path)
  return (select(2, uncompressed(path)))
end

--- Whether a file's name ends with this before what tells its compression.
---@param extension string  such as "pcap"
function output.is_called(path, extension)
  return uncompressed(path):find("%." .. extension .. "$") ~= nil
end

--- The format of a file by its name, unless it is told.
function output.format(path, told)
  return told or output.is_called(path, "pcapng") and "pcapng" or "pcap"
end

--- Opens a savefile for packets of a capture. A pcap file has microseconds if what is read has.
---@param cap table
---@param path string         what to write; "-" is stdout
---@param args table          `format`: "pcap", "pcapng" or nil
---@param options? table      more options of cap:dump_open()
---@param merged? table[]     the captures that `cap` merges
---@return table dumper
function output.dumper(cap, path, args, options, merged)
  options = options or {}
  options.format = output.format(path, args.format)
  options.compress = options.compress or output.compression(path)
  if options.format == "pcap" and have_microseconds(merged or { cap }) then
    options.file, options.precision = path, "micro"
    options.linktype, options.snaplen = cap:datalink(), cap:snapshot()
    return (check.done(pcap.dumper(options)))
  end
  return (check.done(cap:dump_open(path, options)))
end

return output
