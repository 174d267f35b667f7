--- Filtering: which packets a capture gives.

local check = require "pcap.core.check"
local filter = require "pcap.filter"
local object = require "pcap.capture.object"

local Capture, methods = object.class, {}

--- Lets only packets pass that match from here on.
---@param expression string|table  see pcap-filter(7); or a filter of pcap.compile()
---@param nooptimize? boolean       true to leave the compiled program as it comes
---@return table|nil capture  itself
---@return string|nil message libpcap's, on a bad expression
---pcap_compile, pcap_setfilter
function methods:set_filter(expression, nooptimize)
  local handle = check.open(self, Capture, "set_filter")
  local source, optimize, mask = filter.source(expression)
  if not source then
    source, optimize = check.cstring(expression, 1, "set_filter"), not nooptimize
  end
  local program, message = filter.compile_on(handle, source, optimize, mask or self._netmask)
  if not program then
    return nil, message
  end
  local source = self._source
  if source.filters then
    local set, problem = source.filters(self, program)
    if not set then
      return nil, problem
    end
  else
    self._match = filter.matcher(program)
  end
  self._program = program
  return self
end

return methods
