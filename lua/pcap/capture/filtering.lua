--- Filtering: which of its packets a capture gives.

local check = require "pcap.core.check"
local filter = require "pcap.filter"
local object = require "pcap.capture.object"
local shim = require "pcap.core.shim"

local Capture, methods = object.class, {}

local filtering = { methods = methods }

-- Compiles the filter that the capture was asked for, to run anywhere but in the kernel.
local function compile_portably(self, wanted)
  local handle = self._handle
  return filter.compile_portably(shim.luapcap_datalink(handle), shim.luapcap_snapshot(handle),
    wanted.expression, wanted.optimize, wanted.mask)
end

local function apply(self, wanted)
  local set_filter = self._source.set_filter
  local program, message = filter.compile_on(self._handle, wanted.expression, wanted.optimize,
    wanted.mask, set_filter ~= nil)
  if not program then
    return nil, message
  elseif set_filter then
    return set_filter(self, program, function() return compile_portably(self, wanted) end)
  end
  self._match = filter.matcher(program)
  return true
end

--- Applies the capture's filter again, if it has one. That is necessary when the link type has
-- changed or the kernel's filter is gone.
---@param self table
---@return boolean|nil applied
---@return string|nil message  why not; or a warning
function filtering.apply_again(self)
  if not self._wanted then
    return true
  end
  return apply(self, self._wanted)
end

--- From here on, lets only packets pass that match.
---@param expression string|table  see pcap-filter(7); or a filter of pcap.compile()
---@param nooptimize? boolean       true to leave the compiled program as it comes
---@return table|nil capture  itself
---@return string|nil message libpcap's, if the expression is bad; with a capture, a warning that
--- the kernel does not take the filter: it copies every packet, and this module filters
---pcap_compile, pcap_setfilter
function methods:set_filter(expression, nooptimize)
  check.open(self, Capture, "set_filter")
  local text, optimize, mask = filter.source(expression)
  if not text then
    text, optimize = check.cstring(expression, 1, "set_filter"), not nooptimize
  end
  local wanted = { expression = text, optimize = optimize, mask = mask or self._netmask }
  local applied, message = apply(self, wanted)
  if not applied then
    return nil, message
  end
  self._wanted = wanted
  return self, message
end

return filtering
