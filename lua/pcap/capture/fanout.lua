--- Fanout: captures of one interface share its packets, and each packet goes to one of them.
--
-- This is Linux's PACKET_FANOUT, see packet(7). Other systems have nothing like it.

local ffi = require "ffi"
local filtering = require "pcap.capture.filtering"
local object = require "pcap.capture.object"
local check = require "pcap.core.check"
local failure = require "pcap.core.failure"
local options = require "pcap.core.options"
local shim = require "pcap.core.shim"
local status_codes = require "pcap.core.status"

local monotonic = shim.luapcap_monotonic

local fanout = {}

local Capture, methods = object.class, {}

-- How the kernel chooses the member for a packet, in the words of packet(7).
local TYPES = { hash = 0, lb = 1, cpu = 2, rollover = 3, rnd = 4, qm = 5 }
local NAMES = '"hash", "lb", "cpu", "rnd", "qm" or "rollover"'

local FLAGS = { rollover = 0x1000, defrag = 0x8000 }
local FLAG_OPTIONS = { rollover = options.flag, defrag = options.flag }

local MAX_ID = 65535

-- Error numbers that mean something else here than their text says.
local EINVAL, ENOSPC = 22, 28

local not_held = ffi.new("luapcap_signals")

local function explain(errno, id)
  local text = failure.system(errno)
  if errno == EINVAL or errno == ENOSPC then
    text = ("%s (all members of group %d need one interface, type and set of flags)")
      :format(text, id)
  end
  return "cannot join a fanout group: " .. text
end

--- A kind of option: {id =, type =, rollover =, defrag =}, see set_fanout(). Rollover is the
-- default: it loses the least, and a worker that ends can hand its packets to the others.
function fanout.option(value)
  local expected = "{id = 0 to 65535, type = " .. NAMES .. "}"
  if type(value) ~= "table" then
    return nil, expected
  end
  local taken = { id = value.id, type = value.type or "hash", flags = {} }
  if not options.integer(0, MAX_ID)(taken.id) or not TYPES[taken.type] then
    return nil, expected
  end
  taken.flags.rollover = taken.type ~= "rollover" -- which is that already, and takes no flag
  for key, flag in pairs(value) do
    if FLAGS[key] and type(flag) == "boolean" then
      taken.flags[key] = flag
    elseif taken[key] == nil or key == "flags" then
      return nil, expected
    end
  end
  return taken
end

-- Lets so many seconds pass.
local function sleep(seconds)
  local till = monotonic() + seconds
  repeat
    local left = till - monotonic() -- no math.max(): see core/signals.lua
    left = left > 0 and left or 0
  until shim.luapcap_wait_fd(-1, left, not_held) ~= status_codes.SIGNAL
end

--- Joins a group, with arguments that have been checked.
---@param self table
---@param id integer
---@param kind string
---@param flags table       as set_fanout() takes them
---@param pause? function   pause(seconds), instead of making the program wait
---@return table|nil capture  itself
---@return string|nil message
function fanout.join(self, id, kind, flags, pause)
  local handle, value = self._handle, TYPES[kind]
  for name, flag in pairs(flags) do
    value = value + (flag and FLAGS[name] or 0)
  end
  local joining = ffi.new("luapcap_joining", { argument = id + value * 65536,
    block_ms = self._buffer_timeout })
  local program = self._program or nil
  local status
  repeat
    status = shim.luapcap_fanout_join(handle, self._ring, joining, program)
    if status > 0 then
      (pause or sleep)(status / 1000)
      if not self._handle then -- closed meanwhile
        return nil, self._name .. ": closed"
      end
    end
  until status <= 0
  if status ~= 0 then
    local reason = status == -1 and explain(ffi.errno(), id) or failure.message(handle)
    return nil, self._name .. ": " .. reason
  end
  self._fanout = id
  self._memory.is_member = true
  -- Libpcap does not say when the kernel has refused the filter.
  if program and shim.luapcap_kernel_filter(handle) ~= program.bf_len then
    local applied, message = filtering.apply_again(self)
    return applied and self or nil, message
  end
  return self
end

--- Joins a fanout group. From here on each packet of the interface goes to one of the group's
-- captures, whatever process that is in. Packets that arrived before are discarded, so that none
-- is seen twice. Joining takes the capture's buffer timeout, and up to as much again. A capture
-- leaves its group when it is closed.
---@param id integer    the group, 0 to 65535; all programs of the network namespace share these
--- numbers
---@param kind? string  how packets are dealt: "hash" (default; a flow stays together), "lb"
--- (in turn), "cpu" (which received it), "rnd" (at random), "qm" (its receive queue),
--- "rollover" (the first whose buffer has room)
---@param flags? table  {rollover = true: if a buffer is full, the packet goes to the next capture;
--- defrag = true: IP fragments are put together before the flow is determined}
---@return table|nil capture  itself
---@return string|nil message the group has another type or interface, or the system has no fanout
---setsockopt(PACKET_FANOUT)
function methods:set_fanout(id, kind, flags)
  check.open(self, Capture, "set_fanout")
  id = check.integer(id, 1, "set_fanout", 0, MAX_ID)
  kind = kind == nil and "hash" or check.cstring(kind, 2, "set_fanout")
  if not TYPES[kind] then
    check.fail(2, "set_fanout", ("%s expected, got %q"):format(NAMES, kind))
  end
  flags = options.read(flags, 3, "set_fanout", FLAG_OPTIONS)
  if not self._source.interface(self) then
    return nil, tostring(self) .. " has no interface to share"
  elseif self._fanout then
    return nil, ("%s is in fanout group %d already"):format(tostring(self), self._fanout)
  end
  return fanout.join(self, id, kind, flags)
end

fanout.methods = methods

return fanout
