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
  local handle = check.open(self, Capture, "set_fanout")
  id = check.integer(id, 1, "set_fanout", 0, MAX_ID)
  kind = kind == nil and "hash" or check.cstring(kind, 2, "set_fanout")
  local value = TYPES[kind]
  if not value then
    check.fail(2, "set_fanout", ("%s expected, got %q"):format(NAMES, kind))
  end
  for name, flag in pairs(options.read(flags, 3, "set_fanout", FLAG_OPTIONS)) do
    value = value + (flag and FLAGS[name] or 0)
  end
  if not self._source.interface(self) then
    return nil, tostring(self) .. " has no interface to share"
  end
  if self._fanout then
    return nil, ("%s is in fanout group %d already"):format(tostring(self), self._fanout)
  end
  local status = shim.luapcap_fanout_join(handle, self._ring, id + value * 65536,
    self._program or nil, self._buffer_timeout)
  if status == 0 then
    self._fanout = id
    object.close_at_once(self) -- a member that nobody reads would still get packets
    -- Libpcap does not say when the kernel has refused the filter.
    local program = self._program
    if program and shim.luapcap_kernel_filter(handle) ~= program.bf_len then
      local applied, message = filtering.apply_again(self)
      return applied and self or nil, message
    end
    return self
  end
  local reason = status == -1 and explain(ffi.errno(), id) or failure.message(handle)
  return nil, self._name .. ": " .. reason
end

fanout.methods = methods

return fanout
