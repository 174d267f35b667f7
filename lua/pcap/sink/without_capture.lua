--- Opens a dumper without a capture: onto a file, a function or memory.

local cdefs = require "pcap.core.cdefs"
local check = require "pcap.core.check"
local DLT = require "pcap.dlt"
local kinds = require "pcap.sink.kinds"
local opening = require "pcap.sink.opening"
local options = require "pcap.core.options"
local place = require "pcap.core.place"

local without_capture = {}

local function memory_option(value)
  return value == true or nil, "true"
end

local OPTIONS = {
  write = options.callback,
  memory = memory_option,
  file = function(value)
    return place.of(value), "path, descriptor or open Lua file"
  end,
}
for key, kind in pairs(opening.WITH_KIND) do
  OPTIONS[key] = kind
end

-- The place that the options name: one of three.
local function place_of(opts)
  local count = 0
  for _, key in ipairs { "file", "write", "memory" } do
    count = count + (opts[key] and 1 or 0)
  end
  if count > 1 then
    return nil, "options 'file', 'write' and 'memory' exclude each other"
  elseif opts.write or opts.memory then
    return opening.to_memory(opts.write)
  end
  return opts.file, "option 'file' is missing"
end

--- Opens a savefile to write packets to, without a capture. The options `linktype`, `snaplen` and
-- `precision` are those of pcap.open_dead(). `file` and the others are those of cap:dump_open().
---@param opts table  {file = fname, or write = function(pointer, length), or memory = true;
--- linktype = (default EN10MB), snaplen = (default, and 0: 65535),
--- precision = "micro"|"nano" (default "micro"), append = boolean, format = "pcap"|"pcapng",
--- section = table, interface = table, compress = "gzip"|"zstd", level = integer, limit = bytes,
--- rotate = table}
---@return table|nil dumper
---@return string|nil message  naming the file
---pcap_dump_fopen, pcap_dump_open_append
function without_capture.dumper(opts)
  check.table(opts, 1, "dumper")
  opts = options.read(opts, 1, "dumper", OPTIONS)
  local where, problem = place_of(opts)
  if not where then
    check.fail(1, "dumper", problem)
  end
  problem = opening.problem(where, opts)
  if problem then
    check.fail(1, "dumper", problem)
  end
  return opening.open(where, {
    linktype = opts.linktype or DLT.EN10MB,
    snaplen = (opts.snaplen or 0) > 0 and opts.snaplen or kinds.WHOLE_PACKET,
    precision = opts.precision or cdefs.TSTAMP_PRECISION_MICRO,
  }, opts)
end

return without_capture
