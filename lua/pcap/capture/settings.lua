--- Settings: what a capture tells of itself, and what can be set once it is open.

local ffi = require "ffi"
local filtering = require "pcap.capture.filtering"
local object = require "pcap.capture.object"
local cdefs = require "pcap.core.cdefs"
local check = require "pcap.core.check"
local failure = require "pcap.core.failure"
local options = require "pcap.core.options"
local shim = require "pcap.core.shim"

local Capture, methods = object.class, {}

-- Libpcap's message, or the general text of a status if it left none.
local function failed(self, status)
  return nil, failure.of_status(self._handle, status)
end

local function as_boolean(number)
  return number ~= 0
end

local function as_precision(number)
  return number == cdefs.TSTAMP_PRECISION_NANO and "nano" or "micro"
end

-- By method: libpcap's function, which takes the handle, and what its number means. A number below
-- 0 is an error.
local GETTERS = {
  --- cap:datalink(): integer, the link type of the packets, see pcap.DLT.
  datalink = { "luapcap_datalink" },
  --- cap:snapshot(): how many bytes of each packet are captured at the most.
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
  methods[name] = function(self)
    local value = shim[symbol](check.open(self, Capture, name))
    if value < 0 then
      return failed(self, value)
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
  methods[name] = function(self)
    local handle, numbers, list = check.open(self, Capture, name), ffi.new("int *[1]"), {}
    local count = shim[symbol](handle, numbers)
    if count < 0 then
      return failed(self, count)
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
function methods:set_datalink(dlt)
  local handle = check.open(self, Capture, "set_datalink")
  dlt = check.integer(dlt, 1, "set_datalink", 0, 2 ^ 31 - 1)
  local before = shim.luapcap_datalink(handle)
  local status = shim.luapcap_set_datalink(handle, dlt)
  if status ~= 0 then
    return failed(self, status)
  end
  local applied, message = filtering.apply_again(self)
  if not applied then
    shim.luapcap_set_datalink(handle, before)
    return nil, message
  end
  object.set_linktype(self, dlt)
  return self, message
end

--- Sets which packets are captured: those that come in, those that go out, or both.
---@param direction string  "in", "out" or "inout"
---@return table|nil capture  itself
---@return string|nil message
---pcap_setdirection
function methods:set_direction(direction)
  check.open(self, Capture, "set_direction")
  local number, expected = options.direction(direction)
  if not number then
    check.fail(1, "set_direction", expected .. " expected, got " .. tostring(direction))
  end
  local status = self._source.set_direction(self, number)
  if status ~= 0 then
    return failed(self, status)
  end
  return self
end

--- Sets whether reads do without waiting. If they do, a live capture's reads return nil, "timeout"
-- at once when no packet is there, whatever timeout it was opened with. That timeout holds again
-- after set_nonblock(false). Savefiles have no such mode.
---@param nonblock boolean
---@return table|nil capture  itself
---@return string|nil message
---pcap_setnonblock
function methods:set_nonblock(nonblock)
  check.open(self, Capture, "set_nonblock")
  if type(nonblock) ~= "boolean" then
    check.fail(1, "set_nonblock", "boolean expected, got " .. type(nonblock))
  end
  local set, message = self._source.set_nonblock(self, nonblock)
  return set and self, message
end

--- Whether reads do without waiting, as set_nonblock() set it.
---@return boolean|nil nonblock
---@return string|nil message
---pcap_getnonblock
function methods:nonblock()
  check.open(self, Capture, "nonblock")
  return self._source.nonblock(self)
end

--- What was counted since the capture began. What the counts cover differs between systems.
-- Libpcap's counters begin again at 2^32. These go on, if you ask for them at least once in so many
-- packets.
---@return table|nil stats  {received =, dropped = (for want of room in the buffer), if_dropped =
--- (by the interface)}, packets
---@return string|nil message
---pcap_stats
function methods:stats()
  local handle, stat = check.open(self, Capture, "stats"), self._stat or ffi.new("luapcap_stat")
  self._stat = stat
  local status = shim.luapcap_stats(handle, stat)
  if status ~= 0 then
    return failed(self, status)
  end
  return { received = stat.received, dropped = stat.dropped, if_dropped = stat.if_dropped }
end

--- The version of the savefile's format. For other captures it means nothing in particular.
---@return integer major
---@return integer minor
---pcap_major_version, pcap_minor_version
function methods:version()
  local handle = check.open(self, Capture, "version")
  return shim.luapcap_major_version(handle), shim.luapcap_minor_version(handle)
end

--- The descriptor of a live capture. It stays the capture's. To wait for packets, use getfd()'s.
---@return integer|nil fd
---@return string|nil message
---pcap_fileno
function methods:fileno()
  check.open(self, Capture, "fileno")
  local fd = self._source.fileno(self)
  if not fd or fd < 0 then
    return nil, tostring(self) .. " has no descriptor"
  end
  return fd
end

return methods
