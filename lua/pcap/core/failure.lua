--- Says what failed, in libpcap's words or else in the system's.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local shim = require "pcap.core.shim"

local failure = {}

--- The buffer for messages of those libpcap functions that have no handle yet.
failure.errbuf = ffi.new("char[?]", cdefs.ERRBUF_SIZE)

--- Empties the buffer and returns it. Libpcap may leave a warning in it, or nothing at all.
function failure.clear()
  failure.errbuf[0] = 0
  return failure.errbuf
end

--- What libpcap has written into the buffer.
---@return string
function failure.text()
  return ffi.string(failure.errbuf)
end

--- A copy of libpcap's message for the last error on a handle. The original goes with the handle.
---@param handle ffi.cdata*  pcap_t *
---@return string            "" if there is none
function failure.message(handle)
  return ffi.string(shim.luapcap_geterr(handle))
end

--- Libpcap's message for the last error on a handle, or what the status means if there is none.
---@param handle ffi.cdata*  pcap_t *
---@param status integer
---@return string
function failure.of_status(handle, status)
  local message = failure.message(handle)
  return message ~= "" and message or failure.meaning(status)
end

--- What a status of libpcap means in general.
---@param status integer
---@return string
function failure.meaning(status)
  return ffi.string(shim.luapcap_statustostr(status))
end

--- What the system says about an error number.
---@param errno? integer  default: the last call's
---@return string
function failure.system(errno)
  return ffi.string(shim.luapcap_strerror(errno or ffi.errno()))
end

return failure
