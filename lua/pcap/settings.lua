--- Settings: what a capture tells of itself, and what can be set once it is open.

local ffi = require "ffi"
local capture = require "pcap.capture"
local cdefs = require "pcap.cdefs"
local check = require "pcap.check"
local options = require "pcap.options"
local shim = require "pcap.shim"

local Capture = capture.class

local errbuf = ffi.new("char[?]", cdefs.ERRBUF_SIZE)

-- Libpcap's message, or where it left none, the general text of a status.
local function failure(self, status)
  local detail = capture.message(self._handle)
  return nil, detail ~= "" and detail or ffi.string(shim.luapcap_statustostr(status))
end

local function as_boolean(number)
  return number ~= 0
end

local function as_precision(number)
  return number == cdefs.TSTAMP_PRECISION_NANO and "nano" or "micro"
end

-- By method: libpcap's function of the handle, and what its number means. Below 0 is an error.
local GETTERS = {
  --- cap:datalink(): integer, the link type of the packets, see pcap.DLT.
  datalink = { "luapcap_datalink" },
  --- cap:snapshot(): bytes of each packet that are captured at the most.
  snapshot = { "luapcap_snapshot" },
  --- cap:is_swapped(): boolean, whether the savefile has the other byte order.
  is_swapped = { "luapcap_is_swapped", as_boolean },
  --- cap:tstamp_precision(): "micro" or "nano", of the packets as they are read.
  tstamp_precision = { "luapcap_get_tstamp_precision", as_precision },
  --- cap:bufsize(): bytes of the buffer that packets are read into.
  bufsize = { "luapcap_bufsize" },
  --- cap:datalink_ext(): integer, the link type with its extension bits.
  datalink_ext = { "luapcap_datalink_ext" },
}

for name, row in pairs(GETTERS) do
  local symbol, meaning = unpack(row)
  Capture[name] = function(self)
    local value = shim[symbol](check.open(self, Capture, name))
    if value < 0 then
      return failure(self, value)
    end
    if meaning then
      return meaning(value)
    end
    return value
  end
end

-- By method: libpcap's function that allocates a list of numbers, and the one that frees it.
local LISTS = {
  --- cap:datalinks(): list of the link types that the capture can be set to, or nil, message.
  datalinks = { "luapcap_list_datalinks", "luapcap_free_datalinks" },
  --- cap:tstamp_types(): list of the time stamp types that the device has, or nil, message.
  tstamp_types = { "luapcap_list_tstamp_types", "luapcap_free_tstamp_types" },
}

for name, row in pairs(LISTS) do
  local symbol, free = unpack(row)
  Capture[name] = function(self)
    local handle, numbers, list = check.open(self, Capture, name), ffi.new("int *[1]"), {}
    local count = shim[symbol](handle, numbers)
    if count < 0 then
      return failure(self, count)
    end
    for i = 1, count do
      list[i] = numbers[0][i - 1]
    end
    if count > 0 then
      shim[free](numbers[0])
    end
    return list
  end
end

--- Sets the link type.
---@param dlt integer  one of cap:datalinks()
---@return table|nil capture  itself
---@return string|nil message
---pcap_set_datalink
function Capture:set_datalink(dlt)
  local handle = check.open(self, Capture, "set_datalink")
  dlt = check.integer(dlt, 1, "set_datalink", 0, 2 ^ 31 - 1)
  local status = shim.luapcap_set_datalink(handle, dlt)
  if status ~= 0 then
    return failure(self, status)
  end
  return self
end

--- Sets which packets are captured: those that come in, those that go out, or both.
---@param direction string  "in", "out" or "inout"
---@return table|nil capture  itself
---@return string|nil message
---pcap_setdirection
function Capture:set_direction(direction)
  local handle = check.open(self, Capture, "set_direction")
  local number, expected = options.direction(direction)
  if not number then
    check.fail(1, "set_direction", expected .. " expected, got " .. tostring(direction))
  end
  local status = shim.luapcap_setdirection(handle, number)
  if status ~= 0 then
    return failure(self, status)
  end
  return self
end

--- Sets whether reads do without waiting. A live capture's reads then return nil, "timeout" at
-- once where no packet is there, whatever timeout it was opened with, which holds again after
-- set_nonblock(false). Savefiles have no such mode.
---@param nonblock boolean
---@return table|nil capture  itself
---@return string|nil message
---pcap_setnonblock
function Capture:set_nonblock(nonblock)
  local handle = check.open(self, Capture, "set_nonblock")
  if type(nonblock) ~= "boolean" then
    check.fail(1, "set_nonblock", "boolean expected, got " .. type(nonblock))
  end
  -- The handle of a live capture never blocks: live.lua does the waiting.
  if self._kind == "live" then
    self._nonblock = nonblock
  elseif shim.luapcap_setnonblock(handle, nonblock and 1 or 0, errbuf) ~= 0 then
    return nil, ffi.string(errbuf)
  end
  return self
end

--- Whether reads do without waiting, as set_nonblock() set it.
---@return boolean|nil nonblock
---@return string|nil message
---pcap_getnonblock
function Capture:nonblock()
  local handle = check.open(self, Capture, "nonblock")
  if self._kind == "live" then
    return self._nonblock or false
  end
  local value = shim.luapcap_getnonblock(handle, errbuf)
  if value < 0 then
    return nil, ffi.string(errbuf)
  end
  return value ~= 0
end

--- What was counted since the capture began; what that covers differs between systems.
---@return table|nil stats  {received =, dropped = (for want of room in the buffer), if_dropped =
--- (by the interface)}, packets
---@return string|nil message
---pcap_stats
function Capture:stats()
  local handle, stat = check.open(self, Capture, "stats"), ffi.new("luapcap_stat")
  local status = shim.luapcap_stats(handle, stat)
  if status ~= 0 then
    return failure(self, status)
  end
  return { received = stat.received, dropped = stat.dropped, if_dropped = stat.if_dropped }
end

--- The version of the savefile's format; of nothing in particular for other captures.
---@return integer major
---@return integer minor
---pcap_major_version, pcap_minor_version
function Capture:version()
  local handle = check.open(self, Capture, "version")
  return shim.luapcap_major_version(handle), shim.luapcap_minor_version(handle)
end

--- The descriptor of a live capture; it stays the capture's. To wait with, take getfd().
---@return integer|nil fd
---@return string|nil message
---pcap_fileno
function Capture:fileno()
  local fd = shim.luapcap_fileno(check.open(self, Capture, "fileno"))
  if self._kind ~= "live" or fd < 0 then
    return nil, tostring(self) .. " has no descriptor"
  end
  return fd
end

--- How often libpcap asks for a read though the descriptor is silent.
---@return number|nil seconds  nil where it does not, as for most devices
---pcap_get_required_select_timeout
function Capture:required_timeout()
  local seconds = shim.luapcap_required_timeout(check.open(self, Capture, "required_timeout"))
  return seconds >= 0 and seconds or nil
end

return Capture
