--- Savefiles: a window of bytes that libpcap has opened, and a format that takes packets off it.
--
-- Files, pipes and compressed files differ in how a window is filled, and so does a savefile that
-- comes in pieces (reader.lua). Reading is the same for all.
--
-- Ownership: a capture's handle owns the window, which ends with it. The capture owns the input,
-- whose descriptor is the module's own, and keeps the Lua file that was given.

local ffi = require "ffi"
local capture = require "pcap.capture"
local cdefs = require "pcap.cdefs"
local classic = require "pcap.format.classic"
local none = require "pcap.source.none"
local options = require "pcap.options"
local scarce = require "pcap.scarce"
local shim = require "pcap.shim"
local signals = require "pcap.signals"
local place = require("pcap.source").read

local savefile = {}

-- What luapcap_next() returns besides libpcap's error numbers.
local PACKET = 1
-- What luapcap_window_fill() returns, and luapcap_wait_fd() after a signal.
local MORE, TRY_AGAIN, SIGNAL = 1, 2, 2

local errbuf = ffi.new("char[?]", cdefs.ERRBUF_SIZE)

local function message_of(self)
  local message = self._input and ffi.string(shim.luapcap_input_error(self._input)) or ""
  return message ~= "" and message or capture.message(self._handle)
end

local function ended(self, status)
  if not self._handle then
    return capture.none(self, "closed")
  end
  local reason = status == cdefs.ERROR_BREAK and "closed" or message_of(self)
  if reason == "closed" then
    shim.luapcap_window_rest(self._window)
  end
  return capture.none(self, reason)
end

--- Reads on behind the bytes of the window, once. A pipe is waited for, so that signals are heard.
---@return boolean|nil more   true: there are more bytes; false: the file ends here for now
---@return string|nil reason  why reading is not to go on: "break", "closed"
local function refill(self)
  local input, status = self._input, TRY_AGAIN
  repeat
    local ready, reason
    if shim.luapcap_input_waits(input) ~= 0 then
      ready, reason = signals.wait(self, shim.luapcap_wait_fd, shim.luapcap_input_fileno(input),
        math.huge)
    else
      signals.look()
    end
    reason = reason or capture.interrupted(self)
    if reason then
      return nil, reason
    elseif ready ~= SIGNAL then
      status = shim.luapcap_window_fill(self._window, input)
    end
  until status ~= TRY_AGAIN
  return status == MORE
end

-- The next packet that the filter takes. A loop, so a caller's loop does not compile around it.
local function search(self)
  local state, take, match = self._state, self._take, self._match
  while true do
    local window, pkt = self._window, self._packet
    if take(state, window, pkt) then
      if not match or match(pkt.data, pkt.caplen, pkt.wirelen) then
        return pkt
      end
    else
      local more, reason = false, nil
      if self._is_short(state, window) then
        capture.none(self) -- a handler may raise an error when the bytes have been moved
        more, reason = self._refill(self)
      end
      if more == nil then
        return capture.none(self, reason)
      elseif not more then
        local status = shim.luapcap_window_next(window, self._handle, pkt)
        if status ~= PACKET then
          return ended(self, status)
        elseif not match or match(pkt.data, pkt.caplen, pkt.wirelen) then
          return pkt
        end
      end
    end
  end
end

-- Called where the window has no plain record at its position. Records that are odd but whole go
-- straight through libpcap, so that a caller's loop compiles.
local function fetch(self)
  local window = self._window
  if self._is_short(self._state, window) then
    return search(self)
  end
  local pkt, match = self._packet, self._match
  local status = shim.luapcap_window_next(window, self._handle, pkt)
  if status ~= PACKET then
    return ended(self, status)
  elseif not match or match(pkt.data, pkt.caplen, pkt.wirelen) then
    return pkt
  end
  return search(self)
end

local source = none.new {
  kind = "savefile",
  fetch = fetch,
  search = search,
}

function source.wait()
  return true
end

function source.descriptor(self)
  return shim.luapcap_input_fileno(self._input)
end

function source.progress(self)
  local numbers, window = ffi.new("double[2]"), self._window
  shim.luapcap_input_progress(self._input, window.len - window.pos, numbers, numbers + 1)
  local position, size = numbers[0], numbers[1]
  if position < 0 then
    return nil, self._name .. ": a pipe has no position"
  end
  return position, size >= 0 and size or nil
end

savefile.source = source

-- Libpcap reads pcapng by itself, from where the window ends too.
local through_libpcap = {
  state = false,
  take = none.take,
  is_short = function(_, window)
    return window.pos == window.len
  end,
}

--- Opens the savefile whose first bytes a window has.
---@param window ffi.cdata*  luapcap_window *, taken over whatever happens
---@param input ffi.cdata*|nil  luapcap_input *, for libpcap to read on
---@param precision integer  cdefs.TSTAMP_PRECISION_*
---@return ffi.cdata*|nil handle
---@return table|string format  or libpcap's message
function savefile.open_window(window, input, precision)
  local is_classic = window.len >= 4 and classic.matches(window.bytes)
  local magic = ffi.new("uint8_t[4]")
  if is_classic then
    ffi.copy(magic, window.bytes, 4)
  end
  local handle = capture.own(shim.luapcap_window_open(ffi.gc(window, nil),
    not is_classic and input or nil, precision, errbuf))
  if not handle then
    return nil, ffi.string(errbuf)
  end
  return handle, is_classic
    and classic.new(magic, handle, precision == cdefs.TSTAMP_PRECISION_NANO) or through_libpcap
end

--- The fields of a capture that reads a window.
---@return table fields
function savefile.fields(window, format, fill)
  return {
    _window = window, _state = format.state, _take = format.take, _is_short = format.is_short,
    _refill = fill,
  }
end

--- A new window, freed by its finalizer until a handle takes it over; nil without memory.
function savefile.new_window()
  local window = shim.luapcap_window_new()
  if window ~= nil then
    return ffi.gc(window, shim.luapcap_window_free)
  end
end

-- Reads the first bytes: a file's header at least, if there are as many. Signals are heard.
local function read_head(window, input)
  local opening = { _broken = false, _handle = true }
  local more = true
  while more and window.len < classic.FILE_HEADER_SIZE do
    opening._window, opening._input = window, input
    more = refill(opening)
  end
end

local function open(from, precision)
  local input = shim.luapcap_input_open(from.path, from.fd or -1, from.file)
  if input == nil then
    local errno = ffi.errno()
    return nil, ffi.string(shim.luapcap_strerror(errno)), errno
  end
  input = ffi.gc(input, shim.luapcap_input_close)
  local window = savefile.new_window()
  if not window then
    return nil, "not enough memory for a capture"
  end
  read_head(window, input)
  local problem = window.problem
  local handle, format = savefile.open_window(window, input, precision)
  if not handle then
    local detail = ffi.string(shim.luapcap_input_error(input))
    shim.luapcap_input_close(ffi.gc(input, nil))
    return nil, detail ~= "" and detail or format, problem
  end
  local fields = savefile.fields(window, format, refill)
  fields._input, fields._file = input, from.file
  return capture.new(source, handle, from.name, fields)
end

--- Opens a savefile to read packets from: pcap in either byte order, with microseconds or
-- nanoseconds, or pcapng, as libpcap reads them; plain or compressed with gzip.
---@param fname string|integer|file*  "-" is stdin; or a descriptor or an open Lua file, read from
--- where it stands through a copy: it stays yours to close, and its position, which the copy
--- shares, is anywhere afterwards
---@param opts? table       {precision = "micro"|"nano"}: of timestamps and of dump files made
--- from the capture (default "micro")
---@return table|nil capture
---@return string|nil message  naming the file
---pcap_fopen_offline_with_tstamp_precision
function savefile.open_offline(fname, opts)
  local from = place(fname, "open_offline")
  opts = options.read(opts, 2, "open_offline", { precision = options.precision })
  local self, message = scarce.open(open, from, opts.precision or cdefs.TSTAMP_PRECISION_MICRO)
  if not self then
    return nil, from.name .. ": " .. message
  end
  return self
end

return savefile
