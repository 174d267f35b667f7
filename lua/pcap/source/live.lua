--- Live captures: opened in non-blocking mode, with the waiting done by poll().
--
-- On Linux a blocking libpcap read ignores its timeout while no packet comes, and with a timeout
-- of 0 nothing is delivered until a block of the ring is full. So the kernel gets a short timeout
-- for its blocks, and the caller's timeout is ours to keep.

local ffi = require "ffi"
local capture = require "pcap.capture"
local cdefs = require "pcap.core.cdefs"
local check = require "pcap.core.check"
local names = require "pcap.names"
local none = require "pcap.source.none"
local options = require "pcap.core.options"
local retry = require "pcap.core.retry"
local shim = require "pcap.core.shim"
local signals = require "pcap.core.signals"

local live = {}

-- The kernel's ring has blocks of 256 KB. A block that is not full is handed over when the buffer
-- timeout is over, so the ring holds a stall of that time for each block, at any rate: 8 MB and 40
-- ms hold 1.2 s. A packet waits no longer than about that time for a reader. Immediate mode would
-- hand over each packet at once, at a lower throughput.
local BUFFER_SIZE = 2 ^ 23
local BUFFER_TIMEOUT = 0.04

-- What luapcap_next() returns besides libpcap's error numbers.
local PACKET, NO_PACKET = 1, 0
-- And what signals.wait() returns.
local TIME_OVER, READY, INTERRUPTED = 0, 1, 2

local errbuf = ffi.new("char[?]", cdefs.ERRBUF_SIZE)

local function failure(self, status)
  if not self._handle then -- a signal's handler has closed the capture meanwhile
    return capture.none(self, "closed")
  elseif status == cdefs.ERROR_BREAK then
    return capture.none(self, "break")
  end
  return capture.none(self, capture.message(self._handle))
end

-- Waits and reads until a packet comes or the time is over; a descriptor may be ready without a
-- packet that passes the filter.
local function wait(self, status, timeout)
  local deadline = shim.luapcap_monotonic() + timeout
  while status == NO_PACKET do
    local left = deadline - shim.luapcap_monotonic()
    if left <= 0 then
      signals.look()
      return capture.none(self, capture.interrupted(self) or "timeout")
    end
    local ready, reason = signals.wait(self, shim.luapcap_wait, self._handle, left)
    if not ready then
      return capture.none(self, reason)
    elseif ready < 0 then
      return capture.none(self, ffi.string(shim.luapcap_strerror(ffi.errno())))
    elseif ready == READY and self._handle then
      status = shim.luapcap_next(self._handle, self._packet)
    end
  end
  if status == PACKET and self._handle then
    return self._packet
  end
  return failure(self, status)
end

local function read(self, timeout)
  local status = shim.luapcap_next(self._handle, self._packet)
  if status == PACKET then
    return self._packet
  elseif status == NO_PACKET then
    return wait(self, status, timeout)
  end
  return failure(self, status)
end

local function look_and_read(self, timeout)
  signals.look()
  local reason = capture.interrupted(self)
  if reason then
    return capture.none(self, reason)
  end
  return read(self, timeout)
end

-- Straight-line while packets are there, so that a caller's loop compiles.
local function fetch(self, timeout)
  if signals.due() then
    return look_and_read(self, timeout)
  end
  return read(self, timeout)
end

local source = none.new { kind = "live", is_always_ready = false, fetch = fetch }

function source.filters(self, program)
  if shim.luapcap_setfilter(self._handle, program) ~= 0 then
    return nil, capture.message(self._handle)
  end
  return true
end

function source.wait(self, timeout)
  local deadline = shim.luapcap_monotonic() + timeout
  local status, reason
  repeat
    local left = math.max(deadline - shim.luapcap_monotonic(), 0)
    status, reason = signals.wait(self, shim.luapcap_wait, self._handle, left)
  until status ~= INTERRUPTED
  if status == READY then
    return true
  elseif status == TIME_OVER then
    return nil, "timeout"
  end
  return nil, reason or ffi.string(shim.luapcap_strerror(ffi.errno()))
end

-- The handle never blocks: the waiting is done here.
function source.set_nonblock(self, nonblock)
  self._nonblock = nonblock
  self._timeout = nonblock and 0 or self._opened_timeout
  return true
end

function source.nonblock(self)
  return self._nonblock
end

function source.descriptor(self)
  return shim.luapcap_get_selectable_fd(self._handle)
end

function source.interface(self)
  return self._handle
end

function source.fileno(self)
  return shim.luapcap_fileno(self._handle)
end

-- What activation says: the status in words, and the detail where libpcap has one.
local function explain(device, handle, status)
  local detail = capture.message(handle)
  local general = ffi.string(shim.luapcap_statustostr(status))
  local message = detail
  if status ~= cdefs.ERROR and status ~= cdefs.WARNING then
    local adds = detail ~= "" and detail ~= general
    message = adds and general .. " (" .. detail .. ")" or general
  end
  message = device .. ": " .. message
  if status == cdefs.ERROR_PERM_DENIED or status == cdefs.ERROR_PROMISC_PERM_DENIED then
    message = message .. "; capturing needs root, or on Linux the capability CAP_NET_RAW, and "
      .. "CAP_NET_ADMIN for promiscuous mode"
  end
  return message
end

local function netmask(device)
  local net, mask = ffi.new("uint32_t[1]"), ffi.new("uint32_t[1]")
  if shim.luapcap_lookupnet(device, net, mask, errbuf) ~= 0 then
    return 0
  end
  return mask[0]
end

-- What pcap_create()'s handle is told before activation: by option, libpcap's setter.
local SETTERS = {
  snaplen = "luapcap_set_snaplen",
  promisc = "luapcap_set_promisc",
  buffer_size = "luapcap_set_buffer_size",
  immediate = "luapcap_set_immediate_mode",
  rfmon = "luapcap_set_rfmon",
  tstamp_type = "luapcap_set_tstamp_type",
  precision = "luapcap_set_tstamp_precision",
  protocol = "luapcap_set_protocol",
}

-- Up to 1,000 seconds. The kernel counts milliseconds, and takes 0 for a time of its own choice.
local function buffer_timeout(value)
  if type(value) == "number" and value > 0 and value <= 1000 then
    return value
  end
  return nil, "seconds, more than 0"
end

--- The options of open_live's table form.
live.KINDS = {
  device = options.cstring,
  timeout = options.seconds,
  snaplen = options.integer(0, 2 ^ 31 - 1),
  promisc = options.flag,
  buffer_size = options.integer(1, 2 ^ 31 - 1),
  buffer_timeout = buffer_timeout,
  immediate = options.flag,
  rfmon = options.flag,
  tstamp_type = names.tstamp_type_option,
  precision = options.precision,
  direction = options.direction,
  protocol = options.integer(0, 65535),
}

local function configure(device, handle, opts)
  for key, setter in pairs(SETTERS) do
    local value = opts[key]
    if value ~= nil then
      local status = shim[setter](handle, value)
      if status ~= 0 then
        return nil, explain(device, handle, status)
      end
    end
  end
  return true
end

local function activate(device, opts)
  errbuf[0] = 0
  local handle = capture.own(shim.luapcap_create(device, errbuf))
  if not handle then
    return nil, device .. ": " .. ffi.string(errbuf)
  end
  shim.luapcap_set_timeout(handle, math.ceil((opts.buffer_timeout or BUFFER_TIMEOUT) * 1000))
  shim.luapcap_set_buffer_size(handle, BUFFER_SIZE)
  local configured, message = configure(device, handle, opts)
  if not configured then
    shim.luapcap_discard(ffi.gc(handle, nil))
    return nil, message
  end
  local status = shim.luapcap_activate(handle)
  if status < 0 then
    local errno = ffi.errno()
    return nil, explain(device, handle, status), errno
  end
  -- Libpcap 1.10 loses the status of a warning about "any", but not its text.
  local warns = status > 0 or capture.message(handle) ~= ""
  local warning = warns and explain(device, handle, math.max(status, cdefs.WARNING)) or nil
  if shim.luapcap_setnonblock(handle, 1, errbuf) ~= 0 then
    return nil, device .. ": " .. ffi.string(errbuf)
  end
  if opts.direction and shim.luapcap_setdirection(handle, opts.direction) ~= 0 then
    return nil, device .. ": " .. capture.message(handle)
  end
  return handle, warning
end

--- Opens a device with options that have been read with live.KINDS.
function live.open(opts)
  local device = opts.device or "any"
  local handle, message = retry.open(activate, device, opts)
  if not handle then
    return nil, message
  end
  local timeout = opts.timeout or 0
  return capture.new(source, handle, device, {
    _timeout = timeout, _opened_timeout = timeout, _nonblock = false, _netmask = netmask(device),
  }), message
end

--- Opens a device to read packets from. All arguments are optional; they may also be given by
-- name in one table, together with the options that only the table has: buffer_size (bytes,
-- default 8 MB), buffer_timeout (seconds that the kernel may keep packets, default 0.04),
-- immediate (boolean: no waiting for a block to fill), rfmon (boolean: monitor mode), tstamp_type
-- (a name or number of pcap-tstamp(7)), precision ("micro" or "nano"), direction ("in", "out" or
-- "inout") and protocol (an Ethernet type, on Linux). What the device cannot do is nil, message.
---@param device? string    default "any", where the system has it
---@param snaplen? integer  bytes of each packet to capture; 0 is all, 262144 (default)
---@param promisc? boolean  promiscuous mode (default false)
---@param timeout? number   seconds that a read waits for a packet, fractions allowed; 0 is not
--- at all (default)
---@return table|nil capture
---@return string|nil message  why not, naming the device; with a capture, a warning if any
---pcap_create, pcap_set_*, pcap_activate, pcap_setdirection
function live.open_live(device, snaplen, promisc, timeout)
  if type(device) == "table" then
    return live.open(options.read(device, 1, "open_live", live.KINDS))
  end
  return live.open {
    device = device ~= nil and check.cstring(device, 1, "open_live") or nil,
    snaplen = check.integer(snaplen == nil and 0 or snaplen, 2, "open_live", 0, 2 ^ 31 - 1),
    promisc = promisc and true or false,
    timeout = check.seconds(timeout == nil and 0 or timeout, 4, "open_live"),
  }
end

return live
