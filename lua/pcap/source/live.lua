--- Live captures: they are opened in non-blocking mode and wait with poll().
--
-- On Linux a blocking read of libpcap ignores its timeout while no packet comes. With a timeout of
-- 0 it delivers nothing until a block of the ring is full. So the kernel gets a short timeout for
-- its blocks, and this module keeps the caller's timeout.

local ffi = require "ffi"
local activation = require "pcap.source.activation"
local capture = require "pcap.capture"
local check = require "pcap.core.check"
local failure = require "pcap.core.failure"
local interfaces = require("pcap.core.on_demand").module "pcap.source.interfaces"
local kernel_filter = require "pcap.source.kernel_filter"
local live_reading = require "pcap.source.live_reading"
local none = require "pcap.source.none"
local options = require "pcap.core.options"
local retry = require "pcap.core.retry"
local shim = require "pcap.core.shim"
local signals = require "pcap.core.signals"
local status_codes = require "pcap.core.status"
local timeout_of = require "pcap.source.timeout"

local live = {}

--- The options of open_live's table form.
live.OPTIONS = activation.OPTIONS

local TIME_OVER, READY, SIGNAL = status_codes.TIME_OVER, status_codes.READY, status_codes.SIGNAL

local source = none.new { kind = "live", is_always_ready = false, fetch = live_reading.fetch }

source.set_filter = kernel_filter.set

-- Some devices give libpcap several packets at once, such as nflog.
function source.is_ready(self)
  return self._ring.may_have_more ~= 0
end

function source.rest(self)
  return self._ring.rest
end

function source.wait(self, timeout)
  local is_ready = source.is_ready(self)
  local deadline = shim.luapcap_monotonic() + (is_ready and 0 or timeout)
  local status, reason
  repeat
    local left = deadline - shim.luapcap_monotonic()
    status, reason = signals.wait(self, shim.luapcap_wait, self._handle, left > 0 and left or 0)
  until status ~= SIGNAL
  if status == READY or is_ready and status == TIME_OVER then
    return true
  elseif status == TIME_OVER then
    return nil, "timeout"
  end
  return nil, reason or failure.system()
end

-- The handle never blocks: this module waits.
source.set_nonblock, source.nonblock = timeout_of.set_nonblock, timeout_of.nonblock

function source.set_direction(self, number)
  local status = none.set_direction(self, number)
  if status == 0 then
    shim.luapcap_ring_set_direction(self._ring, number)
  end
  return status
end

function source.release(memory)
  if memory.close and memory.is_member then
    -- A thread closes the handle soon. Until then the other members of a group with rollover get
    -- the packets.
    shim.luapcap_ring_leave(memory.ring)
  end
  shim.luapcap_ring_free(memory.ring)
  none.release(memory)
end

function source.descriptor(self)
  return shim.luapcap_get_selectable_fd(self._handle)
end

function source.interface(self)
  return self._handle
end

function source.interfaces(self)
  return interfaces.of(self)
end

function source.fileno(self)
  return shim.luapcap_fileno(self._handle)
end

--- Opens a device with options that have been read with live.OPTIONS.
---@param opts table
---@param aside? table  activate(handle) and close(handle), instead of those that make the program
--- wait
function live.open(opts, aside)
  local device = opts.device or "any"
  local handle, message = retry.open(activation.activate, device, opts, aside and aside.activate)
  if not handle then
    return nil, message
  end
  local ring = ffi.new("luapcap_ring")
  shim.luapcap_ring_take(handle, ring)
  shim.luapcap_ring_set_direction(ring, opts.direction or 0)
  ring.rest, ring.longest_stay = activation.rests(opts, ring)
  -- Other kinds of devices may be one program's only: it may open them again at once.
  local close = aside and ring.blocks ~= nil and aside.close or nil
  return capture.new(source, handle, device, timeout_of.set({
    _ring = ring, _memory = { ring = ring, close = close },
    _behind = false, _has_failed = false, _woken_at = 0,
    _on_drop = opts.on_drop or false, _told_dropped = 0, _look_for_drops_at = 0,
    _netmask = activation.netmask(device), _buffer_timeout = activation.buffer_timeout(opts),
  }, opts.timeout or 0)), message
end

--- Opens a device to read packets from. All arguments are optional. They may also be given by name
-- in one table. Some options exist only in the table: buffer_size (bytes, default 8 MB),
-- buffer_timeout (seconds that the kernel may keep packets, default 0.04), immediate (boolean: no
-- waiting for a block to fill), coalesce (seconds between two wake-ups at the least; default up to
-- 0.001 in immediate mode, else by how fast packets come), rfmon (boolean: monitor mode),
-- tstamp_type (a name or number of pcap-tstamp(7)), precision ("micro" or "nano"), direction ("in",
-- "out" or "inout"), protocol (an Ethernet type, on Linux) and on_drop (function(dropped, cap),
-- which reads call if packets were lost, at most once a second). If the device cannot do what was
-- asked for, the result is nil, message.
---@param device? string    default "any", if the system has it
---@param snaplen? integer  bytes of each packet to capture; 0 (default) means all, 262144
---@param promisc? boolean  promiscuous mode (default false); any value but nil and false is true,
--- but the number 0, which is false in C, is misuse
---@param timeout? number   seconds that a read waits for a packet, fractions allowed; 0 (default)
--- means not at all
---@return table|nil capture
---@return string|nil message  why not, naming the device; with a capture, a warning if any
---pcap_create, pcap_set_*, pcap_activate, pcap_setdirection
function live.open_live(device, snaplen, promisc, timeout)
  if type(device) == "table" then
    return live.open(options.read(device, 1, "open_live", live.OPTIONS))
  end
  if promisc == 0 then
    check.fail(3, "open_live", "boolean expected, got 0, which is true in Lua")
  end
  return live.open {
    device = device ~= nil and check.cstring(device, 1, "open_live") or nil,
    snaplen = check.integer(snaplen == nil and 0 or snaplen, 2, "open_live", 0, 2 ^ 31 - 1),
    promisc = promisc and true or false,
    timeout = check.seconds(timeout == nil and 0 or timeout, 4, "open_live"),
  }
end

return live
