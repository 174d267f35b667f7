--- Opens what a subcommand reads, as its options say. See options.input().

local check = require "pcap.program.check"
local pcap = require "pcap"

local input = {}

-- A live read ends after so many seconds without a packet, so that what came before is shown.
local PATIENCE = 0.25

-- By a savefile's capture, its path.
local paths = setmetatable({}, { __mode = "k" })

local function exists(path)
  local file = io.open(path)
  return file and file:close()
end

-- tcpdump takes a device's number in its list as well.
local function device_of(name)
  if not name then
    return check.done(pcap.default_device())
  elseif name:find "^%d+$" then
    local device = check.done(pcap.devices())[tonumber(name)]
    return device and device.name or name
  end
  return name
end

local function open_device(args)
  -- What a beginner types first.
  local word = args.expression and args.expression[1]
  if not args.interface and word and exists(word) then
    check.misuse(("%s is a file: read it with -r %s"):format(word, word), args.usage)
  end
  local cap, warning = check.done(pcap.open_live {
    device = device_of(args.interface), snaplen = args.snapshot_length or 0,
    promisc = not args.no_promiscuous_mode, timeout = PATIENCE, direction = args.direction,
    buffer_size = args.buffer_size and args.buffer_size * 1024,
    immediate = args.immediate_mode or false, precision = args.precision,
  })
  if warning then
    io.stderr:write(warning, "\n")
  end
  return cap
end

--- The name of a link type and what it is, as tcpdump tells it.
function input.linktype(number)
  local name, description = pcap.datalink_name(number), pcap.datalink_description(number)
  return name and ("%s (%s)"):format(name, description) or tostring(number)
end

--- Whether a savefile is pcapng, whose version is 1. A pcap file's is 2, or of old systems 543.
function input.is_pcapng(cap)
  return cap:section().major == 1
end

local function set_filter(cap, words)
  local expression = table.concat(words, " ")
  if expression ~= "" then
    local set, warning = cap:set_filter(expression)
    if not set and exists(words[1]) then
      check.fail(("%s is a file, and no filter"):format(words[1]))
    end
    check.done(set, warning)
    if warning then
      io.stderr:write(warning, "\n")
    end
  end
end

--- Opens a savefile. Times keep their nanoseconds.
---@param path string      "-" is stdin
---@param options? table   more options of pcap.open_offline()
---@return table cap
function input.file(path, options)
  options = options or {}
  options.precision = options.precision or "nano"
  local cap = check.done(pcap.open_offline(path, options))
  paths[cap] = path
  return cap
end

--- A failure of a read, with the file's name before it: libpcap's messages have none.
---@param cap table
---@param message string
---@return string
function input.about(cap, message)
  local prefix = (paths[cap] or "") .. ": "
  return paths[cap] and message:sub(1, #prefix) ~= prefix and prefix .. message or message
end

--- Checks the files of options.files(): stdin has its bytes once.
---@return boolean reads_stdin
function input.check_files(args)
  local stdins = 0
  for _, path in ipairs(args.files) do
    stdins = stdins + (path == "-" and 1 or 0)
  end
  if stdins > 1 then
    check.misuse("'-' is stdin, which can be read once only", args.usage)
  end
  return stdins == 1
end

--- Opens the file or the device, with its filter.
---@param args table  argparse's; `precision` is that of live time stamps
---@return table cap
---@return boolean is_live
function input.open(args)
  if args.read and args.interface then
    check.misuse("-r and -i exclude each other", args.usage)
  end
  local cap = args.read and input.file(args.read) or open_device(args)
  set_filter(cap, args.expression or {})
  if not args.read then
    io.stderr:write(("listening on %s, link-type %s, snapshot length %d bytes\n"):format(
      cap:interfaces()[1].name, input.linktype(cap:datalink()), cap:snapshot()))
  end
  return cap, not args.read
end

input.set_filter = set_filter

return input
