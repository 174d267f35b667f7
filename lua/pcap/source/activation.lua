--- Activation: a device's handle of libpcap, with its options.

local ffi = require "ffi"
local capture = require "pcap.capture"
local cdefs = require "pcap.core.cdefs"
local names = require "pcap.names"
local failure = require "pcap.core.failure"
local options = require "pcap.core.options"
local shim = require "pcap.core.shim"

local activation = {}

-- The kernel's ring has blocks of 256 KB. When the buffer timeout is over, the kernel hands over a
-- block that is not full. So at any low rate of packets, the ring holds out that long for each
-- block while nobody reads: 8 MB and 40 ms hold out for 1.2 s. A packet waits no longer than about
-- the timeout for a reader. Immediate mode would hand over each packet at once, at a lower
-- throughput.
local BUFFER_SIZE = 2 ^ 23
local BUFFER_TIMEOUT = 0.04

--- The buffer timeout of a capture with such options, in milliseconds.
function activation.buffer_timeout(opts)
  return math.ceil((opts.buffer_timeout or BUFFER_TIMEOUT) * 1000)
end

-- What activation says: the status in words, and libpcap's detail if it has one.
local function explain(device, handle, status)
  local detail = failure.message(handle)
  local general = failure.meaning(status)
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

--- The IPv4 netmask of a device, 0 if it has none.
function activation.netmask(device)
  local net, mask = ffi.new("uint32_t[1]"), ffi.new("uint32_t[1]")
  if shim.luapcap_lookupnet(device, net, mask, failure.clear()) ~= 0 then
    return 0
  end
  return mask[0]
end

-- By option: libpcap's setter, which is called before activation.
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

-- Up to 1,000 seconds. The kernel counts milliseconds. At 0 it chooses a time by itself.
local function buffer_timeout(value)
  if type(value) == "number" and value > 0 and value <= 1000 then
    return value
  end
  return nil, "seconds, more than 0"
end

local function coalesce(value)
  if type(value) == "number" and value >= 0 and value <= 1000 then
    return value
  end
  return nil, "seconds, up to 1000"
end

-- Immediate mode would wake up the reader for each packet, and that costs 100 times what reading
-- costs. So it lets so many seconds pass between two wake-ups, but no more than fill half of the
-- ring at 100,000 packets a second. Immediate mode's ring has as many frames of the snapshot length
-- as fit; at worst these are 32.
local COALESCE, SECONDS_PER_FRAME, FEWEST_FRAMES = 0.001, 0.5 / 100000, 32

-- While packets come fast, a reader rests between two wake-ups. No packet is to wait longer for it
-- than so many seconds, nor than so many buffer timeouts.
local LONGEST_STAY, TIMEOUTS = 0.045, 3

--- The seconds between two wake-ups of a capture with such options, at the least. If that depends
-- on how fast packets come, also the seconds that a packet may wait at the most.
function activation.rests(opts, ring)
  if opts.coalesce then
    return opts.coalesce, 0
  elseif not opts.immediate then
    return 0, math.min(LONGEST_STAY, TIMEOUTS * activation.buffer_timeout(opts) / 1000)
  end
  local frames = ring.blocks ~= nil and ring.count or FEWEST_FRAMES
  return math.min(COALESCE, frames * SECONDS_PER_FRAME), 0
end

--- The options of open_live's table form.
activation.OPTIONS = {
  device = options.cstring,
  timeout = options.seconds,
  snaplen = options.integer(0, 2 ^ 31 - 1),
  promisc = options.flag,
  buffer_size = options.integer(1, 2 ^ 31 - 1),
  buffer_timeout = buffer_timeout,
  immediate = options.flag,
  coalesce = coalesce,
  rfmon = options.flag,
  tstamp_type = names.tstamp_type_option,
  precision = options.precision,
  direction = options.direction,
  protocol = options.integer(0, 65535),
  on_drop = options.callback,
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

--- Activates a handle.
---@param handle ffi.cdata*
---@return integer status  pcap_activate()'s
---@return integer errno
function activation.run(handle)
  return shim.luapcap_activate(handle), ffi.errno()
end

--- Creates and activates a handle that never blocks.
---@param device string
---@param opts table           read with activation.OPTIONS
---@param activate? function   instead of activation.run(), but for monitor mode: threads may not
--- share what libpcap keeps of it
---@return ffi.cdata*|nil handle
---@return string|nil message  naming the device; with a handle, a warning
---@return integer|nil errno
function activation.activate(device, opts, activate)
  local handle = capture.own(shim.luapcap_create(device, failure.clear()))
  if not handle then
    return nil, device .. ": " .. failure.text()
  end
  shim.luapcap_set_timeout(handle, activation.buffer_timeout(opts))
  shim.luapcap_set_buffer_size(handle, BUFFER_SIZE)
  local configured, message = configure(device, handle, opts)
  if not configured then
    shim.luapcap_discard(ffi.gc(handle, nil))
    return nil, message
  end
  local status, errno = (not opts.rfmon and activate or activation.run)(handle)
  if status < 0 then
    return nil, explain(device, handle, status), errno
  end
  shim.luapcap_close_on_exec(handle)
  -- Libpcap 1.10 loses the status of a warning about "any", but not its text.
  local warns = status > 0 or failure.message(handle) ~= ""
  local warning = warns and explain(device, handle, math.max(status, cdefs.WARNING)) or nil
  if shim.luapcap_setnonblock(handle, 1, failure.clear()) ~= 0 then
    return nil, device .. ": " .. failure.text()
  end
  if opts.direction and shim.luapcap_setdirection(handle, opts.direction) ~= 0 then
    return nil, device .. ": " .. failure.message(handle)
  end
  return handle, warning
end

return activation
