--- The capture: one object for all sources of packets, with one path on which they are read.
--
-- What differs between sources is in their tables of functions (source/none.lua lists them). All
-- reading is here, with one position, which `next`, `next_packet` and `packets` share.
--
-- Ownership: `_memory` holds what a packet that was handed out points into: libpcap's pcap_t, and
-- a file's input. The packet keeps that table, since it may outlive its capture. Close() releases
-- it, or else the packet's finalizer does. A packet is emptied by the read that finds none, by a read
-- that may move its bytes, and by close().

local ffi = require "ffi"
local check = require "pcap.check"
local dumper = require "pcap.dumper"
local filter = require "pcap.filter"
local options = require "pcap.options"
local packet = require "pcap.packet"
local scarce = require "pcap.scarce"
local shim = require "pcap.shim"
local read_place = require("pcap.source").read

local ffi_string = ffi.string

local capture = {}

local Capture = { __name = "pcap capture" }
Capture.__index = Capture

--- The class. A module of one more group of methods (settings, waiting, loop, send) adds them
-- here; init.lua loads it.
capture.class = Capture

-- The window of a capture that has none, or that has been closed.
local NO_WINDOW = shim.luapcap_window_new()
assert(NO_WINDOW ~= nil, "not enough memory")

-- Closes what a capture owns, in this order: the handle may read from the input, and a Lua file
-- that is a program's pipe is waited for when it is collected: the input has to be closed before.
local function release(memory)
  local handle, input = memory.handle, memory.input
  memory.handle, memory.input, memory.file = nil, nil, nil
  if handle then
    shim.luapcap_close(handle)
  end
  if input then
    shim.luapcap_input_close(input)
  end
end

-- The functions that read. They call nothing of a user's, so what closes a capture while one of
-- them is on the stack is a signal's handler.
local reading = {}

local function is_reading()
  local level = 3
  local info = debug.getinfo(level, "f")
  while info and not reading[info.func] do
    level = level + 1
    info = debug.getinfo(level, "f")
  end
  return info ~= nil
end

--- Wraps a pcap_t.
---@param source table         its kind's table of functions
---@param handle ffi.cdata*    pcap_t *, not NULL; belongs to the capture from here on
---@param name string          the device or file, for messages
---@param fields? table        the source's own, see source/savefile.lua
---@return table capture
function capture.new(source, handle, name, fields)
  local self = fields or {}
  local memory = { handle = ffi.gc(handle, nil), input = self._input and ffi.gc(self._input, nil),
    file = self._file }
  self._file = nil
  self._source = source
  self._handle = handle
  self._name = name
  reading[source.take], reading[source.fetch] = true, true
  if source.search then reading[source.search] = true end
  self._fetch = source.fetch
  self._search = source.search
  self._take = self._take or source.take
  self._state = self._state or false
  self._window = self._window or NO_WINDOW
  -- A cdata refers to no Lua object by itself, but its finalizer does.
  self._packet = ffi.gc(packet.new(0), function() release(memory) end)
  self._packet.linktype = shim.luapcap_datalink(handle)
  self._packet.interface = 1
  self._memory = memory
  self._match = false
  self._broken = false
  self._ending = self._ending or "closed"
  self._timeout = self._timeout or 0
  return setmetatable(self, Capture)
end

--- A pcap_t from libpcap with its finalizer, or nil for NULL, which is truthy by itself.
function capture.own(handle)
  if handle ~= nil then
    return ffi.gc(handle, shim.luapcap_close)
  end
end

--- Libpcap's message for the last error on a handle, copied.
function capture.message(handle)
  return ffi_string(shim.luapcap_geterr(handle))
end

--- Ends a read without a packet. The one that was handed out last is emptied: the bytes that it
-- pointed to may be others by now.
---@return nil
---@return string reason
function capture.none(self, reason)
  local pkt = self._packet
  pkt.data, pkt.caplen, pkt.options, pkt.options_length = nil, 0, nil, 0
  return nil, reason
end

--- How a read ends that breakloop() asked to end.
function capture.broken(self)
  self._broken = false
  return capture.none(self, "break")
end

--- Why a read that waits is not to go on: a signal's handler in Lua, which runs when the wait in C
-- returns, has broken it off or closed the capture. Nil if it has done neither.
function capture.interrupted(self)
  if self._broken then
    self._broken = false
    return "break"
  end
  return not self._handle and "closed" or nil
end

-- What a packets() loop's next step meets: all other reads look for themselves.
local function has_been_closed()
  error(("calling 'packets' on bad self: %s has been closed"):format(Capture.__name), 3)
end

-- The packet at the window's position if the filter takes it, else whatever the source gives.
-- No loop, and the rest as tail calls: both are what lets a caller's loop compile. A closed
-- capture has an empty window.
local function step(self)
  if self._broken then
    return capture.broken(self)
  end
  local pkt = self._packet
  if not self._take(self._state, self._window, pkt) then
    return self:_fetch(self._timeout)
  end
  local match = self._match
  if not match or match(pkt.data, pkt.caplen, pkt.wirelen) then
    return pkt
  end
  return self:_search()
end

reading[step] = true

-- Longer strings, in bytes, are paid for at once with a step of garbage collection: by its own pace
-- the collector would let megabytes of them pile up.
local LARGE = 65536

--- The next packet's bytes, time and length.
--
--     for capdata, timestamp, wirelen in cap.next, cap do ... end
--
---@return string|nil capdata  the captured bytes; nil at the end or on a failure
---@return number|string timestamp  seconds; or the reason: "timeout" (live), "closed" (no more
--- packets in the file), or libpcap's message
---@return integer|nil wirelen  bytes the packet had on the wire
---pcap_next_ex
function Capture:next()
  check.open(self, Capture, "next")
  local pkt, reason = step(self)
  if not pkt then
    return nil, reason
  end
  local capdata = ffi_string(pkt.data, pkt.caplen)
  if pkt.caplen > LARGE then
    collectgarbage("step", pkt.caplen / 512)
  end
  return capdata, pkt.sec + pkt.nsec / 1e9, pkt.wirelen
end

--- The next packet without a string made of it.
---@return luapcap_packet|nil pkt  valid until the next read on this capture, or its close
---@return string|nil reason       as next() gives it
---pcap_next_ex
function Capture:next_packet()
  check.open(self, Capture, "next_packet")
  return step(self)
end

local function finish(self, reason)
  self._ending = reason
  return nil, reason
end

local function loop_step(self)
  local pkt, reason = step(self)
  if pkt then
    return pkt
  end
  return finish(self, reason)
end

local function limited_step(loop)
  local left = loop.left
  if left > 0 then
    loop.left = left - 1
    return loop_step(loop.capture)
  end
  return finish(loop.capture, "limit")
end

--- Loops over the packets without a string made of any.
--
--     for pkt in cap:packets() do ... end   -- pkt is valid until the loop's next step
--
---@param limit? integer  packets at the most
---@return function iterator
---@return table state  what the iterator takes, which also keeps the capture alive
---pcap_next_ex
function Capture:packets(limit)
  check.open(self, Capture, "packets")
  self._ending = "break"
  if limit == nil then
    return loop_step, self
  end
  return limited_step, { capture = self, left = check.integer(limit, 1, "packets", 0, 2 ^ 53) }
end

--- How the last packets() loop ended.
---@return string ending  "closed", "timeout", "limit", "break", or the error's message
function Capture:ending()
  check.open(self, Capture, "ending")
  return self._ending
end

--- Lets only packets pass that match from here on.
---@param expression string|table  see pcap-filter(7); or a filter of pcap.compile()
---@param nooptimize? boolean       true to leave the compiled program as it comes
---@return table|nil capture  itself
---@return string|nil message libpcap's, on a bad expression
---pcap_compile, pcap_setfilter
function Capture:set_filter(expression, nooptimize)
  local handle = check.open(self, Capture, "set_filter")
  local source, optimize, mask = filter.source(expression)
  if not source then
    source, optimize = check.cstring(expression, 1, "set_filter"), not nooptimize
  end
  local program, message = filter.compile_on(handle, source, optimize, mask or self._netmask or 0)
  if not program then
    return nil, message
  end
  local source = self._source
  if source.filters then
    local set, problem = source.filters(self, program)
    if not set then
      return nil, problem
    end
  else
    self._match = filter.matcher(program)
  end
  self._program = program
  return self
end

--- A descriptor to wait for packets with, in a poll of your own; it stays the capture's.
---@return integer|nil fd
---@return string|nil message
---pcap_get_selectable_fd
function Capture:getfd()
  check.open(self, Capture, "getfd")
  local fd = self._source.descriptor(self)
  if not fd or fd < 0 then
    return nil, tostring(self) .. " has no selectable descriptor"
  end
  return fd
end

--- Opens a savefile to write packets of this capture's kind to. It outlives the capture.
---@param fname string|integer|file*  "-" is stdout; or a descriptor or an open Lua file, written
--- to from where it stands through a copy, and left open
---@param opts? table    for a path: {append = true} adds to an existing file of the same magic,
--- link type, snapshot length and precision; any other is left as it is
---@return table|nil dumper
---@return string|nil message  naming the file
---pcap_dump_fopen, pcap_dump_open_append
function Capture:dump_open(fname, opts)
  local handle = check.open(self, Capture, "dump_open")
  local place = read_place(fname, "dump_open")
  opts = options.read(opts, 2, "dump_open", { append = options.flag })
  if opts.append and (not place.path or place.path == "-") then
    check.fail(2, "dump_open", "option 'append' needs a path")
  end
  return scarce.open(dumper.open, handle, place, opts.append)
end

--- Closes the capture; closing it again does nothing. Packets it handed out are gone.
---@return boolean true
---pcap_close
function Capture:close()
  if getmetatable(self) ~= Capture then
    check.open(self, Capture, "close")
  end
  if self._handle then
    self._handle, self._match = false, false
    self._fetch, self._search, self._window = has_been_closed, has_been_closed, NO_WINDOW
    capture.none(self)
    -- A handler may run between a read's look at the memory and its use: the packet's finalizer
    -- releases it then.
    if not is_reading() then
      release(self._memory)
    end
  end
  return true
end

function Capture:__tostring()
  return ("%s (%s %s%s)"):format(Capture.__name, self._source.kind, self._name,
    self._handle and "" or ", closed")
end

return capture
