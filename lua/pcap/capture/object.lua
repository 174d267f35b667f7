--- The capture object: what it is made of, who owns it, and how a read ends.
--
-- Ownership: a packet that was handed out points into what `_memory` holds: libpcap's pcap_t, and
-- what the source adds. The packet keeps that table alive, since it may outlive its capture.
-- close() releases what is in it; if nobody calls close(), the packet's finalizer does. A read that
-- finds no packet empties the packet. So do a read that may move its bytes, and close().

local ffi = require "ffi"
local in_use = require "pcap.core.in_use"
local packet = require "pcap.packet"
local shim = require "pcap.core.shim"

local object = {}

local Capture = { __name = "pcap capture" }
Capture.__index = Capture

--- The class. capture.lua gives it its methods.
object.class = Capture

-- The window of a capture that has none, or that has been closed.
local NO_WINDOW = shim.luapcap_window_new()
assert(NO_WINDOW ~= nil, "not enough memory")

-- The functions that read. They call no code of the user's. So if a capture is closed while one of
-- them is on the stack, a signal's handler has closed it.
local reading = {}

--- Names functions that read. close() does not free what they use while they run.
function object.reads(...)
  for i = 1, select("#", ...) do
    reading[select(i, ...) or false] = true
  end
end

local function is_reading()
  local level = 3
  local info = debug.getinfo(level, "f")
  while info and not reading[info.func] do
    level = level + 1
    info = debug.getinfo(level, "f")
  end
  return info ~= nil
end

--- Makes a capture of a pcap_t. A source adds fields of its own.
---@param source table         the table of functions of its kind, see source/none.lua
---@param handle ffi.cdata*    pcap_t *, not NULL; belongs to the capture from here on
---@param name string          the device or file, for messages
---@param fields? table        the source's own; `_memory` holds what else it has to release
---@return table capture
function object.new(source, handle, name, fields)
  local self = fields or {}
  local memory = self._memory or {}
  memory.handle = ffi.gc(handle, nil)
  object.reads(source.take, source.fetch, source.search)
  self._source = source
  self._handle = handle -- false when it is closed
  self._name = name
  self._memory = memory
  -- The packet that every read fills. A cdata refers to no Lua object by itself, but its finalizer
  -- does.
  self._packet = ffi.gc(packet.new(0), function()
    memory.close = nil -- who collects garbage to get descriptors needs them at once
    source.release(memory)
  end)
  self._packet.linktype = shim.luapcap_datalink(handle)
  self._packet.interface = 1
  -- How packets are read: see step() in reading.lua.
  self._fetch = source.fetch
  self._search = source.search
  self._take = self._take or source.take
  self._window = self._window or NO_WINDOW
  self._match = false -- the function that filters packets in this module
  self._matches = false -- by link type, where there are several
  self._program = false -- the program that the kernel runs
  self._wanted = false -- what was asked of set_filter()
  self._stat = false -- what stats() has counted so far
  self._netmask = self._netmask or 0 -- for "ip broadcast"
  self._timeout = self._timeout or 0 -- seconds that a read waits
  self._in_use = nil -- the file that is read, as in_use.lua knows it
  self._broken = false -- breakloop() has been called
  self._owner = false -- the merge that reads this capture
  self._ending = self._ending or "closed" -- of the last packets() loop
  return setmetatable(self, Capture)
end

--- Gives a pcap_t from libpcap its finalizer. Returns nil for NULL, which is truthy by itself.
function object.own(handle)
  if handle ~= nil then
    return ffi.gc(handle, shim.luapcap_close)
  end
end

--- Ends a read without a packet. It empties the packet that was handed out last, because the bytes
-- that it pointed to may be others by now.
---@return nil
---@return string reason
function object.none(self, reason)
  local pkt = self._packet
  pkt.data, pkt.caplen = nil, 0
  pkt.options_start, pkt.options_length, pkt.flags = nil, 0, 0
  return nil, reason
end

--- Ends a read that breakloop() asked to end.
---@return nil
---@return string reason
function object.broken(self)
  self._broken = false
  return object.none(self, "break")
end

--- Why a read that waits must not go on. When the wait in C returns, Lua runs the handlers of
-- signals; one may have broken the read off or closed the capture. Nil if none has.
function object.interrupted(self)
  if self._broken then
    self._broken = false
    return "break"
  end
  local owner = self._owner
  if owner and (owner._broken or not owner._handle) then
    return "break"
  end
  return not self._handle and "closed" or nil
end

--- Sets the link type of the packets that are read from here on.
function object.set_linktype(self, linktype)
  self._packet.linktype = linktype
end

-- What a capture has that another one reads: it takes no packet by itself.
local function take_none()
  return false
end

--- Lets another capture read this one from here on.
---@param owner table       whose breakloop() and close() end this capture's reads as well
---@param refuse function   what this capture's own reads call
---@return function fetch   what the owner reads it with, see source/none.lua
---@return function search
function object.hand_over(self, owner, refuse)
  local fetch, search = self._fetch, self._search
  self._fetch, self._timeout, self._owner = refuse, 0, owner
  return fetch, search
end

--- The same for the function that takes packets from the window, which each new file brings.
---@return function take
function object.hand_over_take(self)
  local take = self._take
  self._take = take_none
  return take
end

--- Whether the capture has not been closed.
---@return boolean
function object.is_open(self)
  return self._handle and true or false
end

-- After close(), the next step of a packets() loop calls this. All other reads check by themselves.
local function has_been_closed()
  error(("calling 'packets' on bad self: %s has been closed"):format(Capture.__name), 3)
end

--- Frees the handle and empties the packet. Does nothing if the capture is closed already.
function object.close(self)
  if self._handle then
    in_use.remove(self._in_use)
    self._handle, self._match = false, false
    self._fetch, self._search, self._window = has_been_closed, has_been_closed, NO_WINDOW
    object.none(self)
    -- A signal's handler may run after a read has looked at the memory and before it uses it. The
    -- packet's finalizer releases the memory then.
    if not is_reading() then
      self._source.release(self._memory)
    end
  end
end

function Capture:__tostring()
  return ("%s (%s %s%s)"):format(getmetatable(self).__name, self._source.kind, self._name,
    self._handle and "" or ", closed")
end

return object
