--- Filtering: which of its packets a capture gives.

local capture = require "pcap.capture"
local check = require "pcap.check"
local filter = require "pcap.filter"
local live = require "pcap.live"
local shim = require "pcap.shim"

local Capture = capture.class

local filtering = {}

-- Compiles what the capture was asked for, for any place but the kernel.
local function compile_portably(self, wanted)
  local handle = self._handle
  return filter.compile_portably(shim.luapcap_datalink(handle), shim.luapcap_snapshot(handle),
    wanted.source, wanted.optimize, wanted.mask)
end

local function apply(self, wanted)
  local handle = self._handle
  local is_live = self._kind == "live"
  local program, message = filter.compile_on(handle, wanted.source, wanted.optimize, wanted.mask,
    is_live)
  if not program then
    return nil, message
  elseif is_live then
    return live.set_filter(self, program, function() return compile_portably(self, wanted) end)
  end
  -- A dead handle takes no filter: there compiling is all, which checks the expression. A feed's
  -- and a stream's packets are filtered once they are whole, by the matcher alone.
  local filters = self._kind == "savefile" and not self._stream
  if filters and shim.luapcap_setfilter(handle, program) ~= 0 then
    return nil, capture.message(handle)
  end
  self._match = (self._kind == "savefile" or self._kind == "feed") and filter.matcher(program)
  self._program = program
  return true
end

--- Applies the capture's filter, if it has one, anew: its link type has changed, or its kernel
-- filter is gone.
---@param self table
---@return boolean|nil applied
---@return string|nil message  why not; or a warning
function filtering.apply_again(self)
  if not self._wanted then
    return true
  end
  return apply(self, self._wanted)
end

--- Lets only packets pass that match from here on.
---@param expression string|table  see pcap-filter(7); or a filter of pcap.compile()
---@param nooptimize? boolean       true to leave the compiled program as it comes
---@return table|nil capture  itself
---@return string|nil message libpcap's, on a bad expression; with a capture, a warning that the
--- kernel does not take the filter: it copies every packet, and this module filters
---pcap_compile, pcap_setfilter
function Capture:set_filter(expression, nooptimize)
  check.open(self, Capture, "set_filter")
  local source, optimize, mask = filter.source(expression)
  if not source then
    source, optimize = check.cstring(expression, 1, "set_filter"), not nooptimize
  end
  local wanted = { source = source, optimize = optimize, mask = mask or self._netmask or 0 }
  local applied, message = apply(self, wanted)
  if not applied then
    return nil, message
  end
  self._wanted = wanted
  return self, message
end

return filtering
