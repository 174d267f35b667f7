--- Filters of live captures: the kernel runs them, or else this module.

local failure = require "pcap.core.failure"
local filter = require "pcap.filter"
local shim = require "pcap.core.shim"

local kernel_filter = {}

-- The kernel's limit, BPF_MAXINSNS. Libpcap prints to stderr when it is exceeded.
local MAX_INSTRUCTIONS = 4096

local REFUSED = "the kernel does not take this filter: it copies every packet, to be filtered here"

-- Gives the kernel a filter. False if it takes none of this size or has no memory for it.
local function attach(self, program)
  local handle, ring = self._handle, self._ring
  if ring.blocks ~= nil then
    return shim.luapcap_ring_filter(handle, ring, program) == 0
  elseif shim.luapcap_setfilter(handle, program) ~= 0 then
    return nil, failure.message(handle)
  end
  local count = shim.luapcap_kernel_filter(handle)
  return count < 0 or count == program.bf_len
end

local function accept_all(self)
  local handle, ring = self._handle, self._ring
  if ring.blocks ~= nil then
    return shim.luapcap_ring_filter(handle, ring, nil) == 0 or nil, failure.system()
  end
  return shim.luapcap_accept_all(handle) == 0 or nil, failure.message(handle)
end

--- Filters in the kernel. If the kernel takes no such program, this module filters.
function kernel_filter.set(self, program, compile)
  if program.bf_len <= MAX_INSTRUCTIONS then
    local attached, message = attach(self, program)
    if attached then
      self._program, self._match = program, false
      return true
    elseif message then
      return nil, message
    end
  end
  local portable, message = compile()
  if not portable then
    return nil, message
  end
  self._program, self._match = false, filter.matcher(portable)
  local accepted
  accepted, message = accept_all(self)
  if not accepted then
    return nil, message
  end
  return true, REFUSED
end

return kernel_filter
