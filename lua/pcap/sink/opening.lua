--- Opens a dumper: its file, its format, and their options.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local classic = require "pcap.sink.classic"
local dumper = require "pcap.sink.dumper"
local failure = require "pcap.core.failure"
local file = require "pcap.sink.file"
local in_use = require "pcap.core.in_use"
local on_demand = require "pcap.core.on_demand"
local options = require "pcap.core.options"
local place = require "pcap.core.place"
local retry = require "pcap.core.retry"
local shim = require "pcap.core.shim"

local pcapng = on_demand.module "pcap.sink.pcapng"
local packing = on_demand.module "pcap.sink.packing"
local rotating = on_demand.module "pcap.sink.rotating"
local stream = on_demand.module "pcap.sink.stream"
local threaded = on_demand.module "pcap.sink.threaded"

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
  local ready = true
  if opts.compress then
    ready, message, errno = packing.start(handle, opts)
  end
  if ready then
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
  elseif opts.thread then
    local started, message = threaded.start(self, opts.limit)
    if not started then
      self:close()
      return nil, place.named(where, message)
    end
  end
  if opts.origin and writer.carry then
    follow(self, opts.origin)
  end
  return self
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
  compress = function(value) return packing.compress(value) end,
  level = function(value) return packing.level(value) end,
  thread = options.flag,
  limit = function(value) return stream.limit(value) end,
  rotate = function(value) return rotating.option(value) end,
}

--- The same, and what its packets are, for a file without a capture.
opening.WITH_KIND = {
  linktype = options.integer(0, 2 ^ 31 - 1),
  snaplen = options.integer(0, 2 ^ 31 - 1),
  precision = options.precision,
}
for key, kind in pairs(opening.OPTIONS) do
  opening.WITH_KIND[key] = kind
end

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
  elseif opts.thread and where.is_memory then
    return "option 'thread' needs a file"
  elseif opts.limit and not where.is_memory and not opts.thread then
    return "option 'limit' needs a function, memory or a thread"
  end
  return (opts.compress or opts.level) and packing.problem(opts)
    or opts.rotate and rotating.problem(where, opts) or nil
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

return opening
