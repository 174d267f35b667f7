--- What failed, in words: libpcap's, or else the system's.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local shim = require "pcap.core.shim"

local failure = {}

--- The buffer for messages of libpcap's functions that have no handle yet.
failure.errbuf = ffi.new("char[?]", cdefs.ERRBUF_SIZE)

--- The buffer, emptied: libpcap may leave a warning in it, or nothing at all.
function failure.clear()
  failure.errbuf[0] = 0
  return failure.errbuf
end

--- What libpcap has written into the buffer.
---@return string
function failure.text()
  return ffi.string(failure.errbuf)
end

--- Libpcap's message for the last error on a handle, copied: it is gone with the handle.
---@param handle ffi.cdata*  pcap_t *
---@return string            "" if there is none
function failure.message(handle)
  return ffi.string(shim.luapcap_geterr(handle))
end

--- Libpcap's message for the last error on a handle, or else what its status means.
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

--- What the system says of an error number.
---@param errno? integer  default: that of the last call
---@return string
function failure.system(errno)
  return ffi.string(shim.luapcap_strerror(errno or ffi.errno()))
end

return failure
