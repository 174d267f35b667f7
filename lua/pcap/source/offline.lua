--- Opens savefiles: from a path, a descriptor or an open Lua file.

local ffi = require "ffi"
local check = require "pcap.core.check"
local failure = require "pcap.core.failure"
local in_use = require "pcap.core.in_use"
local opening = require "pcap.source.opening"
local options = require "pcap.core.options"
local place = require "pcap.core.place"
local retry = require "pcap.core.retry"
local savefile = require "pcap.source.savefile"
local shim = require "pcap.core.shim"

local following = require("pcap.core.on_demand").module "pcap.source.following"

local offline = {}

-- Reads as many bytes as opening the file needs, and opens it. Signals are heard meanwhile. If the
-- file is followed, "more" may be the answer.
local function read_header(window, input, opts)
  local reading = { _window = window, _input = input, _handle = true, _broken = false }
  local file = opening.new(opts)
  file.input = input
  local more, handle, answer, errno
  repeat
    more = savefile.refill(reading)
    file.is_whole = not more and not (opts.follow and window.problem == 0)
    errno = window.problem
    handle, answer = opening.begin(window, file)
  until handle or answer ~= "more" or not (more or file.is_whole)
  return handle, answer, errno
end

--- Opens a place and reads its file's header.
---@param from table  of place.read()
---@param opts table  read with the options of open_offline()
---@return table|nil opened   { input =, window =, handle =, reading = }, for savefile.new()
---@return string|nil message  "more" if the file is followed and its header is not there yet
---@return integer|nil errno
function offline.open(from, opts)
  local input = shim.luapcap_input_open(from.path, from.fd or -1, from.file)
  if input == nil then
    local errno = ffi.errno()
    return nil, failure.system(errno), errno
  end
  input = ffi.gc(input, shim.luapcap_input_close)
  local window = savefile.new_window()
  if not window then
    return nil, "not enough memory for a capture"
  elseif opts.follow and shim.luapcap_input_follow(input) == 0 then
    return nil, "only a file can be followed"
  end
  local handle, reading, errno = read_header(window, input, opts)
  if not handle then
    local detail = ffi.string(shim.luapcap_input_error(input))
    shim.luapcap_input_close(ffi.gc(input, nil))
    return nil, detail ~= "" and detail or reading, errno
  end
  return { input = input, window = window, handle = handle, reading = reading }
end

-- Whether a capture has read all of its file.
local function is_read(self)
  local position, size = savefile.source.progress(self)
  return position and size and position >= size
end

--- Notes that a capture is reading a file.
---@return table token  of in_use.add()
function offline.in_use(self)
  return in_use.add(shim.luapcap_input_fileno(self._input), "a capture is reading it",
    function() return is_read(self) end)
end

local function open(from, opts)
  local opened, message, errno = offline.open(from, opts)
  if not opened then
    return nil, message, errno
  end
  local input = opened.input
  local self = savefile.new(savefile.source, from.name, opened.window, opened.handle,
    opened.reading, { _input = input, _refill = savefile.refill, _index_path = opts.index,
      _memory = { input = input, file = from.file } })
  ffi.gc(input, nil) -- released with the capture
  self._in_use = offline.in_use(self)
  return self
end

-- The path of the index beside a file: true, for the savefile's own and ".index", or another.
local function index_path(value)
  if value == true or type(value) == "string" and options.cstring(value) then
    return value
  end
  return nil, "true or a path"
end

--- The options of open_offline().
offline.OPTIONS = { index = index_path, follow = options.flag, timeout = options.seconds }
for name, kind in pairs(opening.OPTIONS) do
  offline.OPTIONS[name] = kind
end

--- Opens a savefile with options that have been read with offline.OPTIONS.
---@param from table  of place.read()
function offline.open_place(from, opts)
  local self, message
  if opts.follow then
    self, message = following.open(offline, open, from, opts)
  else
    self, message = retry.open(open, from, opts)
  end
  if not self then
    return nil, from.name .. ": " .. message
  end
  return self
end

--- Opens a savefile to read packets from. It may be pcap, in either byte order, with microseconds
-- or nanoseconds, or pcapng, and compressed with gzip or zstd. It is read as libpcap reads it.
---@param fname string|integer|file*  a path; "-" is stdin; or a descriptor or an open Lua file,
--- which is read through a copy from its position on: it stays yours to close, and its position,
--- which the copy shares, is undefined afterwards
---@param opts? table       {precision = "micro"|"nano": of timestamps and of dump files made
--- from the capture (default "micro"), blocks = whether cap:blocks() gives the blocks of a pcapng
--- file that nothing else here reads (default false), index = where to keep what seek() learns: a
--- path, or true for the file's path with ".index" behind it; follow = whether the file's end is
--- its end only for now (default false), timeout = seconds that a read waits there (default 0)}
---@return table|nil capture
---@return string|nil message  naming the file
---pcap_fopen_offline_with_tstamp_precision
function offline.open_offline(fname, opts)
  local from = place.read(fname, "open_offline")
  opts = options.read(opts, 2, "open_offline", offline.OPTIONS)
  if opts.index == true then
    if not place.is_path(from) then
      check.fail(2, "open_offline", "option 'index' needs a path")
    end
    opts.index = from.path .. ".index"
  end
  if opts.timeout and not opts.follow then
    check.fail(2, "open_offline", "option 'timeout' needs follow = true")
  end
  return offline.open_place(from, opts)
end

return offline
