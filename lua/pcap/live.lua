--- Live captures: opened in non-blocking mode, with the waiting done by poll().
--
-- On Linux a blocking libpcap read ignores its timeout while no packet comes, and with a timeout
-- of 0 nothing is delivered until a block of the ring is full. So the kernel gets a short timeout
-- for its blocks, and the caller's timeout is ours to keep.

local ffi = require "ffi"
local capture = require "pcap.capture"
local cdefs = require "pcap.cdefs"
local check = require "pcap.check"
local filter = require "pcap.filter"
local names = require "pcap.names"
local options = require "pcap.options"
local scarce = require "pcap.scarce"
local shim = require "pcap.shim"
local signals = require "pcap.signals"

local live = {}

-- How long the kernel may keep packets to fill a block. Immediate mode would keep none, at a
-- lower throughput.
local BLOCK_TIMEOUT_MS = 10

-- What luapcap_live_next() returns besides libpcap's error numbers.
local PACKET, NO_PACKET = 1, 0
-- And what stands for a packet that the filter rejects.
local REJECTED = 3
-- And signals.wait(), for a reason to read.
local READY = 1

-- For how long a read that may not wait goes on over packets that the filter rejects, in seconds.
local PATIENCE = 0.001

local errbuf = ffi.new("char[?]", cdefs.ERRBUF_SIZE)

local function failure(self, status)
  if not self._handle then -- a signal's handler has closed the capture meanwhile
    return nil, "closed"
  elseif status == cdefs.ERROR_BREAK then
    return nil, "break"
  end
  return nil, capture.message(self._handle)
end

-- Reads once, and filters where the kernel does not.
local function try(self)
  local pkt, match = self._packet, self._match
  local status = shim.luapcap_live_next(self._handle, pkt)
  if status == PACKET and match and not match(pkt.data, pkt.caplen, pkt.wirelen) then
    return REJECTED
  end
  return status
end

-- One more step towards a packet: a wait where there was none, and a read. Gives the new status, or
-- nil and the reason to end.
local function try_again(self, status, left)
  if status == NO_PACKET then
    local ready, reason = signals.wait(self, shim.luapcap_wait, self._handle, left)
    if not ready then
      return nil, reason
    elseif ready < 0 then
      return nil, ffi.string(shim.luapcap_strerror(ffi.errno()))
    elseif ready ~= READY then
      return NO_PACKET
    end
  elseif signals.due() then
    signals.look()
  end
  local reason = capture.interrupted(self)
  if reason then
    return nil, reason
  end
  return try(self)
end

-- Waits and reads until a packet comes or the time is over; a descriptor may be ready without a
-- packet that passes the filter.
local function wait(self, status)
  local now = shim.luapcap_monotonic()
  local timeout = self._nonblock and 0 or self._timeout
  local deadline, patience = now + timeout, now + (timeout > PATIENCE and timeout or PATIENCE)
  local reason
  while status == NO_PACKET or status == REJECTED do
    local left = (status == REJECTED and patience or deadline) - shim.luapcap_monotonic()
    if left <= 0 then
      signals.look()
      self._behind = status == REJECTED -- there may be packets still
      return nil, capture.interrupted(self) or "timeout"
    end
    status, reason = try_again(self, status, left)
  end
  if not status then
    return nil, reason
  elseif status == PACKET and self._handle then
    return self._packet
  end
  return failure(self, status)
end

local function read(self)
  local status = try(self)
  if status == PACKET then
    return self._packet
  elseif status == NO_PACKET or status == REJECTED then
    return wait(self, status)
  end
  return failure(self, status)
end

local function look_and_read(self)
  signals.look()
  local reason = capture.interrupted(self)
  if reason then
    return nil, reason
  end
  return read(self)
end

-- Straight-line while packets are there, so that a caller's loop compiles.
local function fetch(self)
  if signals.due() then
    return look_and_read(self)
  end
  return read(self)
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

--- The options of open_live's table form.
live.KINDS = {
  device = options.cstring,
  timeout = options.seconds,
  snaplen = options.integer(0, 2 ^ 31 - 1),
  promisc = options.flag,
  buffer_size = options.integer(1, 2 ^ 31 - 1),
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
  shim.luapcap_set_timeout(handle, BLOCK_TIMEOUT_MS)
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
  shim.luapcap_close_on_exec(handle)
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

-- The kernel's limit, BPF_MAXINSNS. Libpcap prints to stderr when it is exceeded.
local MAX_INSTRUCTIONS = 4096

local REFUSED = "the kernel does not take this filter, and copies every packet to be filtered here"

--- Applies a filter to a live capture: in the kernel, or where that takes none of this size or has
-- no memory for it, in this module.
---@param self table      the capture
---@param program ffi.cdata*  compiled on its handle
---@param compile function    compiles the filter for other places than the kernel; or nil, message
---@return boolean|nil applied
---@return string|nil message  why not; or a warning where the kernel does not filter
function live.set_filter(self, program, compile)
  local handle = self._handle
  if program.bf_len <= MAX_INSTRUCTIONS then
    if shim.luapcap_setfilter(handle, program) ~= 0 then
      return nil, capture.message(handle)
    end
    local count = shim.luapcap_kernel_filter(handle)
    if count < 0 or count == program.bf_len then
      self._program, self._match = program, false
      return true
    end
  end
  local portable, message = compile()
  if not portable then
    return nil, message
  end
  self._program, self._match = false, filter.matcher(portable)
  if shim.luapcap_accept_all(handle) ~= 0 then
    return nil, capture.message(handle)
  end
  return true, REFUSED
end

--- Opens a device with options that have been read with live.KINDS.
function live.open(opts)
  local device = opts.device or "any"
  local handle, message = scarce.open(activate, device, opts)
  if not handle then
    return nil, message
  end
  local self = capture.new(handle, "live", device, fetch)
  self._timeout = opts.timeout or 0
  self._netmask = netmask(device)
  return self, message
end

--- Opens a device to read packets from. All arguments are optional; they may also be given by
-- name in one table, together with the options that only the table has: buffer_size (bytes),
-- immediate (boolean: no waiting for a block to fill), rfmon (boolean: monitor mode), tstamp_type
-- (a name or number of pcap-tstamp(7)), precision ("micro" or "nano"), direction ("in", "out" or
-- "inout") and protocol (an Ethernet type, on Linux). What the device cannot do is nil, message.
---@param device? string    default "any", where the system has it
---@param snaplen? integer  bytes of each packet to capture; 0 is all, 262144 (default)
---@param promisc? boolean  promiscuous mode (default false); any value but nil and false is true,
--- and the number 0, which is false in C, is misuse
---@param timeout? number   seconds that a read waits for a packet, fractions allowed; 0 is not
--- at all (default)
---@return table|nil capture
---@return string|nil message  why not, naming the device; with a capture, a warning if any
---pcap_create, pcap_set_*, pcap_activate, pcap_setdirection
function live.open_live(device, snaplen, promisc, timeout)
  if type(device) == "table" then
    return live.open(options.read(device, 1, "open_live", live.KINDS))
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
