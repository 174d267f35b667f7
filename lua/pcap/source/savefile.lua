--- Savefiles: a window of bytes that libpcap has opened, and a format that takes packets off it.
--
-- Files, pipes, compressed files and savefiles that come in pieces (reader.lua) differ only in how
-- they fill the window. Reading is the same for all.
--
-- Ownership: a capture's handle owns the window and frees it. If the format says `owns_window`, the
-- capture owns it instead. `_memory` keeps the window, the input and the Lua file that was given.
-- The input's descriptor is the module's own.

local ffi = require "ffi"
local capture = require "pcap.capture"
local filtering = require "pcap.capture.filtering"
local none = require "pcap.source.none"
local opening = require "pcap.source.opening"
local shim = require "pcap.core.shim"
local signals = require "pcap.core.signals"
local status_codes = require "pcap.core.status"

local seeking = require("pcap.core.on_demand").module "pcap.source.seeking"

local savefile = {}

local MORE, TRY_AGAIN, SIGNAL = status_codes.MORE, status_codes.TRY_AGAIN, status_codes.SIGNAL

-- Ends a read. An error of unpacking says more than libpcap's message about it.
local function ended(self, reason)
  if not self._handle then -- a signal's handler has closed it
    return capture.none(self, "closed")
  end
  local detail = self._input and ffi.string(shim.luapcap_input_error(self._input)) or ""
  if reason == "closed" then
    shim.luapcap_window_rest(self._window)
  elseif detail ~= "" then
    reason = detail
  end
  return capture.none(self, reason)
end

--- Reads more bytes into the window, once. It waits for a pipe here, so that signals are heard.
---@return boolean|nil more   true: there are more bytes; false: the file ends here for now
---@return string|nil reason  why reading must stop: "break", "closed"
function savefile.refill(self)
  local input, status = self._input, TRY_AGAIN
  repeat
    local ready, reason
    if shim.luapcap_input_waits(input) ~= 0 then
      ready, reason = signals.wait(self, shim.luapcap_wait_fd, shim.luapcap_input_fileno(input),
        math.huge)
    else
      signals.look()
      reason = capture.interrupted(self)
    end
    if reason then
      return nil, reason
    elseif ready ~= SIGNAL then
      status = shim.luapcap_window_fill(self._window, input)
    end
  until status ~= TRY_AGAIN
  return status == MORE
end

-- Reads what is no plain record in the window. Returns true if it has read a packet, false if it
-- has come nearer to one; or nil and the reason.
local function read_on(self)
  local format, window = self._format, self._window
  local state = format.state
  if format.is_short(state, window) then
    capture.none(self) -- a handler may raise an error when the bytes have been moved
    local more, reason = self._refill(self)
    if more == nil then
      return capture.none(self, reason)
    elseif more then
      return false
    end
  end
  local taken, reason = format.judge(state, window, self._packet)
  if taken == nil then
    return ended(self, reason)
  elseif reason then
    filtering.apply_again(self)
  end
  return taken
end

-- Finds the next packet that the filter takes. There is no `return` for it within the loop, because
-- LuaJIT must compile the loop from packets that are rejected. If it compiled the way to a return
-- first, each packet would go back to the interpreter, and no loop that calls this would compile.
local function search(self)
  local match, pkt = self._match, self._packet
  local take, window = self._format.take, self._window
  while true do
    local taken = take(window, pkt)
    if not taken then
      local reason
      taken, reason = read_on(self)
      if taken == nil then
        return nil, reason
      end
      match = self._match
    end
    if taken and (not match or match(pkt.data, pkt.caplen, pkt.wirelen, self)) then
      break
    end
  end
  return pkt
end

--- Finds the next packet that take() does not give, whatever the filter says.
---@return luapcap_packet|nil
---@return string|nil reason
function savefile.next_of_all(self)
  local taken, reason = read_on(self)
  while taken == false do
    if self._format.take(self._window, self._packet) then
      return self._packet
    end
    taken, reason = read_on(self)
  end
  return taken and self._packet, reason
end

-- Called when the window has no plain record at its position. A record that is odd but whole goes
-- straight to the format's judge(), so that a caller's loop compiles.
local function fetch(self)
  local format, window, pkt = self._format, self._window, self._packet
  local state = format.state
  if format.is_short(state, window) then
    return search(self)
  end
  local taken, reason = format.judge(state, window, pkt)
  if taken == nil then
    return ended(self, reason)
  elseif reason then
    filtering.apply_again(self)
  end
  local match = self._match
  if taken and (not match or match(pkt.data, pkt.caplen, pkt.wirelen, self)) then
    return pkt
  end
  return search(self)
end

local source = none.new {
  kind = "savefile",
  is_here = false,
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

function source.seek(self, packet, time)
  return seeking.seek(self, packet, time)
end

function source.metadata(self)
  return self._format.metadata
end

function source.interfaces(self)
  local metadata = self._format.metadata
  if metadata then
    return metadata:interfaces()
  end
  local list = none.interfaces(self)
  list[1].tsresol = self._format.state.tsresol or list[1].tsresol
  return list
end

function source.linktypes(self)
  local list = self._format.linktypes
  return list and #list > 1 and list or nil
end

-- The order matters. The handle may read from the input, so it goes first. If the Lua file is a
-- program's pipe, collecting it waits for the program, which may wait for the input to be closed.
function source.release(memory)
  local input = memory.input
  memory.input = nil
  none.release(memory)
  if input then
    shim.luapcap_input_close(input)
  end
  if memory.owns_window then
    shim.luapcap_window_free(memory.window)
  end
  memory.file, memory.window, memory.owns_window = nil, nil, nil
end

savefile.source = source

--- The formats of savefiles, see opening.lua.
savefile.formats = opening.formats

--- Makes a capture that reads a window.
---@param kind table        the source's table of functions
---@param name string       for messages
---@param window ffi.cdata* luapcap_window *
---@param handle ffi.cdata* of opening.begin()
---@param reading table     of opening.begin()
---@param fields table      the source's own; `_refill(cap)` is asked for more bytes
---@return table capture
function savefile.new(kind, name, window, handle, reading, fields)
  fields._window, fields._format, fields._take = window, reading, reading.take
  local memory = fields._memory or {}
  fields._memory, memory.window = memory, window
  capture.reads(reading.take)
  local self = capture.new(kind, handle, name, fields)
  if reading.owns_window then
    memory.owns_window, memory.window = true, ffi.gc(window, nil)
  end
  return self
end

--- Makes a window. Its finalizer frees it unless a handle takes it over. Nil if there is no memory.
function savefile.new_window()
  local window = shim.luapcap_window_new()
  if window ~= nil then
    return ffi.gc(window, shim.luapcap_window_free)
  end
end

return savefile
