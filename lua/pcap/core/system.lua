--- What this system is called.

local ffi = require "ffi"
local shim = require "pcap.core.shim"

local system = {}

local SIZE = 256

local function text(buffer)
  local name = ffi.string(buffer)
  return name ~= "" and name or nil
end

--- The operating system and the kind of machine, such as "Linux 6.1.0-18-amd64" and "x86_64".
---@return string|nil os
---@return string|nil hardware
function system.names()
  local os, hardware = ffi.new("char[?]", SIZE), ffi.new("char[?]", SIZE)
  shim.luapcap_system(os, hardware, SIZE)
  return text(os), text(hardware)
end

return system
