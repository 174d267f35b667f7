--- The options that subcommands have in common. A letter means what it means to tcpdump.

local check = require "pcap.program.check"

local options = {}

local function load_argparse()
  local loaded, argparse = pcall(require, "argparse")
  if loaded then
    return argparse
  elseif not argparse:find("module 'argparse' not found", 1, true) then
    error(argparse, 0)
  end
  check.fail("needs argparse, and LuaJIT does not find it. Install it: 'apt-get install"
    .. " lua-argparse', or 'luarocks --lua-version 5.1 install argparse'")
end

--- Reads a subcommand's arguments. Shows its help and ends the program if that is asked for.
---@param title string      the command's name and the subcommand's
---@param subcommand table  see command.lua
---@param words string[]
---@return table args  argparse's; also `title` and `usage`, for messages
function options.parse(title, subcommand, words)
  local parser = load_argparse()(title, subcommand.summary .. ".")
    :help_max_width(90):help_description_margin(32):usage_max_width(90)
  subcommand.options(parser)
  local parsed, args = parser:pparse(words)
  if not parsed then
    check.misuse(args, parser:get_usage())
  end
  args.title, args.usage = title, parser:get_usage()
  return args
end

--- A converter of argparse: a whole number from `least` up.
---@param least integer
---@param most? integer  default: 2^31 - 1
function options.whole(least, most)
  return function(word)
    local number = word:find "^%d+$" and tonumber(word)
    if number and number >= least and number <= (most or 2 ^ 31 - 1) then
      return number
    end
    return nil, ("'%s' is not a whole number from %d up"):format(word, least)
  end
end

--- A converter of argparse: a number more than 0.
---@param what string  for the message: "a number of seconds"
function options.positive(what)
  return function(word)
    local number = tonumber(word)
    if number and number > 0 and number < math.huge then
      return number
    end
    return nil, ("'%s' is not %s"):format(word, what)
  end
end

options.seconds = options.positive "a number of seconds"

-- `in`, `out` or `inout`, as tcpdump takes them.
local DIRECTIONS = { "in", "out", "inout" }

--- What everybody types before tcpdump's other options.
function options.numeric(parser)
  parser:flag("-n", "Taken for tcpdump's sake: addresses are never turned into names."):count "*"
end

--- For lines that another program reads as they come.
function options.line_buffered(parser)
  parser:flag("-l", "Hand each line on at once.")
end

--- Where packets come from: a file or a device, and which of them.
function options.input(parser)
  parser:option("-r --read", "Read packets from a file; '-' is stdin."):argname "FILE"
  parser:option("-i --interface", "Capture on a device, by its name or its number in the list of"
    .. " 'pcap dump -D'. Default, if there is no -r: the first that is no loopback.")
    :argname "DEVICE"
  parser:option("-c", "Stop after so many packets."):target "count":argname "N"
    :convert(options.whole(1))
  parser:option("-s --snapshot-length", "Capture so many bytes of each packet; 0, the default,"
    .. " is all."):argname "BYTES":convert(options.whole(0))
  parser:flag("-p --no-promiscuous-mode", "Do not set the device to promiscuous mode.")
  parser:option("-B --buffer-size", "Size of the kernel's buffer.")
    :argname "KIB":convert(options.whole(1))
  parser:option("-Q --direction", "Capture one direction only.")
    :argname "DIRECTION":choices(DIRECTIONS)
  parser:flag("--immediate-mode", "Take each packet at once.")
  parser:option("--duration", "Stop after so many seconds of capture.")
    :argname "SECONDS":convert(options.seconds)
  options.numeric(parser)
  options.expression(parser)
end

--- Several files, and which of their packets are taken.
function options.files(parser)
  parser:argument("files", "The files to read; '-' is stdin."):args "+":argname "FILE"
  parser:option("-f --filter", "Only packets that match, see pcap-filter(7)."):argname "EXPRESSION"
end

--- Which packets are taken.
function options.expression(parser)
  parser:argument("expression", "A filter, see pcap-filter(7)."):args "*":argname "EXPRESSION"
end

--- What a file to write is.
function options.format(parser)
  parser:option("--format", "Of what is written; default: pcapng if the name ends with .pcapng,"
    .. " .pcapng.gz or .pcapng.zst.")
    :argname "FORMAT":choices { "pcap", "pcapng" }
end

return options
