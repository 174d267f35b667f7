--- The capture: one object for live interfaces, savefiles and dead handles, with their methods.
--
-- What differs between the kinds is where the next packet comes from: each kind gives its own
-- `fetch` (live.lua, savefile.lua, dead.lua). All other reading is here, on one path and one
-- position, which `next`, `next_packet` and `packets` share.
--
-- Ownership: `_handle` is libpcap's pcap_t, closed by close() or by its finalizer; `_memory` is
-- what a packet handed out points into: that handle and, where there is one, the block's bytes.
-- The packet keeps it alive, as it may outlive its capture.

local ffi = require "ffi"
local block = require "pcap.block"
local check = require "pcap.check"
local dumper = require "pcap.dumper"
local filter = require "pcap.filter"
local options = require "pcap.options"
local packet = require "pcap.packet"
local scarce = require "pcap.scarce"
local shim = require "pcap.shim"
local read_place = require("pcap.source").read

local ffi_string, take = ffi.string, block.take

local capture = {}

local Capture = { __name = "pcap capture" }
Capture.__index = Capture

--- The class. A module of one more group of methods (settings, waiting, loop, send) adds them
-- here; init.lua loads it. Such a module takes the handle from check.open() and nothing else of
-- this file's.
capture.class = Capture

--- Wraps a pcap_t.
---@param handle ffi.cdata*  pcap_t *, not NULL; belongs to the capture from here on
---@param kind string        "live", "savefile" or "dead"
---@param name string        the device or file, for messages
---@param fetch function     fetch(capture) gives the next packet, or nil and the reason
---@return table capture
function capture.new(handle, kind, name, fetch)
  local memory = { handle }
  -- A cdata refers to no Lua object by itself, but its finalizer does.
  local pkt = ffi.gc(packet.new(0), function() memory[1] = nil end)
  pkt.linktype, pkt.interface = shim.luapcap_datalink(handle), 1
  return setmetatable({
    _handle = handle,
    _kind = kind,
    _name = name,
    _fetch = fetch,
    _packet = pkt,
    _memory = memory,
    _block = block.new(),
    _match = false,
    _broken = false,
    _ending = "closed",
  }, Capture)
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

--- How a read ends that breakloop() asked to end.
function capture.broken(self)
  self._broken = false
  return nil, "break"
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

-- The packet at the block's position if the filter takes it, else whatever the capture's kind
-- fetches. No loop, and the rest as a tail call: both are what lets a caller's loop compile. A
-- closed capture has an empty block.
local function step(self)
  if self._broken then
    return capture.broken(self)
  end
  local pkt = self._packet
  if take(self._block, pkt) then
    local match = self._match
    if not match or match(pkt.data, pkt.caplen, pkt.wirelen) then
      return pkt
    end
  end
  return self:_fetch()
end

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
  -- A dead handle takes no filter: there compiling is all, which checks the expression. A feed's
  -- and a stream's packets are filtered once they are whole, by the matcher alone.
  local filters = self._kind == "live" or self._kind == "savefile" and not self._stream
  if filters and shim.luapcap_setfilter(handle, program) ~= 0 then
    return nil, capture.message(handle)
  end
  self._match = (self._kind == "savefile" or self._kind == "feed") and filter.matcher(program)
  self._program = program
  return self
end

--- A descriptor to wait for packets with, in a poll of your own; it stays the capture's.
---@return integer|nil fd
---@return string|nil message
---pcap_get_selectable_fd
function Capture:getfd()
  local handle = check.open(self, Capture, "getfd")
  local fd = self._stream and shim.luapcap_stream_fileno(self._stream)
    or shim.luapcap_get_selectable_fd(handle)
  -- A dead handle answers 0, which is the process's stdin.
  if fd < 0 or self._kind == "dead" then
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
  local handle = self._handle
  if handle then
    self._handle, self._match, self._memory.bytes, self._stream = false, false, nil, nil
    self._fetch = has_been_closed
    self._block.pos, self._block.len = 0, 0
    self._packet.data, self._packet.caplen = nil, 0
    ffi.gc(handle, nil)
    shim.luapcap_close(handle)
  end
  return true
end

function Capture:__tostring()
  return ("%s (%s %s%s)"):format(Capture.__name, self._kind, self._name,
    self._handle and "" or ", closed")
end

return capture
