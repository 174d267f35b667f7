--- Opens a dumper: its file, its format, and their options.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local check = require "pcap.core.check"
local classic = require "pcap.sink.classic"
local DLT = require "pcap.dlt"
local dumper = require "pcap.sink.dumper"
local failure = require "pcap.core.failure"
local file = require "pcap.sink.file"
local in_use = require "pcap.core.in_use"
local kinds = require "pcap.sink.kinds"
local on_demand = require "pcap.core.on_demand"
local options = require "pcap.core.options"
local place = require "pcap.core.place"
local retry = require "pcap.core.retry"
local shim = require "pcap.core.shim"

local pcapng = on_demand.module "pcap.sink.pcapng"
local rotating = on_demand.module "pcap.sink.rotating"
local stream = on_demand.module "pcap.sink.stream"

local opening = {}

-- Closes the handle when it is collected. Until then the file counts as in use, and a Lua file
-- stays open. The reason: closing a pipe of io.popen() waits for the program to end, and the open
-- handle would keep the program from ending.
local function close_when_collected(handle, token, luafile)
  local kept = { token = token, file = luafile }
  return ffi.gc(handle, function(it)
    shim.luapcap_dumper_close(it)
    in_use.remove(kept.token)
  end)
end

-- Makes the handle and the writer for a new descriptor. If that fails, it leaves nothing open and
-- returns nil, a message and errno.
local function begin(where, fd, kind, opts)
  local token = in_use.add(fd, "another dumper is writing it")
  local handle = shim.luapcap_dumper_new(fd)
  if handle == nil then
    local errno = ffi.errno()
    in_use.remove(token)
    return nil, failure.system(errno), errno
  end
  handle = close_when_collected(handle, token, where.file)
  local writer, message, errno
  if opts.compress and shim.luapcap_dumper_pack(handle, opts.level or opts.compress,
    failure.clear()) ~= 0 then
    errno = ffi.errno()
    message = failure.text()
  else
    writer, message, errno = opts.format.new(handle, where, kind, opts)
  end
  if not writer then
    in_use.remove(token)
    shim.luapcap_dumper_close(ffi.gc(handle, nil))
    return nil, message, errno
  end
  return handle, writer, token
end

-- Writes the blocks of a source as they are read, until the dumper is closed or collected.
local function follow(self, origin)
  local held = setmetatable({ dumper = self }, { __mode = "v" })
  origin.follow(self, function(block)
    local it = held.dumper
    if it and it._handle then
      it._writer:carry { block }
    end
  end)
end

local function open(where, kind, opts, own)
  local fd, is_new, errno = -1, false, nil
  if not where.is_memory then
    fd, is_new, errno = file.open(where, opts.append, own, opts.only_new)
  end
  if not fd then
    return nil, is_new, errno
  end
  local handle, writer, token = begin(where, fd, kind, opts)
  if not handle then
    if is_new then
      os.remove(where.path)
    end
    return nil, place.named(where, writer), token
  end
  local self = dumper.new(handle, { _in_use = token, _name = where.name, _format = opts.format,
    _writer = writer, _nano = kind.precision == cdefs.TSTAMP_PRECISION_NANO })
  if where.is_memory then
    stream.of(self, where.write, opts.limit)
  end
  if opts.origin and writer.carry then
    follow(self, opts.origin)
  end
  return self
end

-- Zlib's own default: half as fast as 1, and a tenth smaller.
local LEVEL = 6

local function compress(value)
  return value == "gzip" and LEVEL or nil, '"gzip"'
end

local function format(value)
  return opening.FORMATS[value], '"pcap" or "pcapng"'
end

--- The formats, by their names.
opening.FORMATS = { pcap = classic, pcapng = pcapng }

-- A kind of table that has the options that pcapng's module names.
local function pcapng_table(name)
  return function(value)
    return options.record(pcapng[name])(value)
  end
end

--- The options of the file.
opening.OPTIONS = {
  append = options.flag,
  format = format,
  section = pcapng_table "SECTION",
  interface = pcapng_table "INTERFACE",
  compress = compress,
  level = options.integer(1, 9),
  limit = options.integer(1, 2 ^ 40),
  rotate = function(value)
    return options.record(rotating.OPTIONS)(value)
  end,
}

--- What is wrong with a dumper's options, or nil.
---@param where table  of place.read()
---@param opts table   read by opening.OPTIONS; this sets the format if it has none
---@return string|nil problem
function opening.problem(where, opts)
  opts.format = opts.format or classic
  for _, name in ipairs { "section", "interface" } do
    if opts[name] and not opts.format[name:upper()] then
      return ("option '%s' needs format = \"pcapng\""):format(name)
    end
  end
  if opts.append and not place.is_path(where) then
    return "option 'append' needs a path"
  elseif opts.append and opts.compress then
    return "option 'append' does not go with 'compress'"
  elseif opts.level and not opts.compress then
    return "option 'level' needs compress = \"gzip\""
  elseif opts.limit and not where.is_memory then
    return "option 'limit' needs a function or memory"
  end
  return opts.rotate and rotating.problem(where, opts)
end

--- Opens a savefile for packets of a kind.
---@param where table  of place.read()
---@param kind table   of kinds.of()
---@param opts table   { format =, append =, section =, interface =, origin = }, which
---  opening.problem() has checked
---@param own? table   in_use's token of the capture whose packets will be written
---@return table|nil dumper
---@return string|nil message
function opening.open(where, kind, opts, own)
  if opts.rotate then
    return rotating.open(where, kind, opts, function(path, its)
      return retry.open(open, place.of(path), kind, its, own)
    end)
  end
  local opened, message = retry.open(open, where, kind, opts, own)
  return opened, message
end

--- The place that stands for a function, or for memory.
---@param write function|nil  see stream.of()
---@return table where
function opening.to_memory(write)
  return { name = write and "function" or "memory", is_memory = true, write = write }
end

local function write_option(value)
  return type(value) == "function" and value or nil, "function"
end

local function memory_option(value)
  return value == true or nil, "true"
end

local OPTIONS = {
  write = write_option,
  memory = memory_option,
  file = function(value)
    return place.of(value), "path, descriptor or open Lua file"
  end,
  linktype = options.integer(0, 2 ^ 31 - 1),
  snaplen = options.integer(0, 2 ^ 31 - 1),
  precision = options.precision,
}
for key, kind in pairs(opening.OPTIONS) do
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
---@param opts table  {file = fname, or write = function(pointer, length), or memory = true; linktype = (default EN10MB), snaplen = (default, and 0: 65535),
--- precision = "micro"|"nano" (default "micro"), append = boolean, format = "pcap"|"pcapng",
--- section = table, interface = table, compress = "gzip", level = integer, limit = bytes, rotate =
--- table}
---@return table|nil dumper
---@return string|nil message  naming the file
---pcap_dump_fopen, pcap_dump_open_append
function opening.dumper(opts)
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

return opening
