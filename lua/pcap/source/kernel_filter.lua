--- Filters of live captures: the kernel runs them, or else this module.

local failure = require "pcap.core.failure"
local filter = require "pcap.filter"
local shim = require "pcap.core.shim"

local kernel_filter = {}

-- The kernel's limit, BPF_MAXINSNS. Libpcap prints to stderr when it is exceeded.
local MAX_INSTRUCTIONS = 4096

local REFUSED = "the kernel does not take this filter: it copies every packet, to be filtered here"

-- Filters in the kernel. If the kernel takes no program of this size or has no memory for it, this
-- module filters.
function kernel_filter.set(self, program, compile)
  local handle = self._handle
  if program.bf_len <= MAX_INSTRUCTIONS then
    if shim.luapcap_setfilter(handle, program) ~= 0 then
      return nil, failure.message(handle)
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
    return nil, failure.message(handle)
  end
  return true, REFUSED
end

return kernel_filter
