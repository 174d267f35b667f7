--- The DLT table: link types by name and by number, as the installed libpcap defines them.

local ffi = require "ffi"
local shim = require "pcap.core.shim"

local DLT = {}

local function canonical(value)
  local name = shim.luapcap_datalink_val_to_name(value)
  if name ~= nil then
    return ffi.string(name)
  end
end

-- Several names may stand for one number. The canonical one is the name that libpcap itself gives.
-- If it gives none (USER0 to USER15), it is the name that its header defines first.
local index = 0
while shim.luapcap_dlt_name(index) ~= nil do
  local name = ffi.string(shim.luapcap_dlt_name(index))
  local value = shim.luapcap_dlt_value(index)
  DLT[name] = value
  DLT[value] = DLT[value] or canonical(value) or name
  index = index + 1
end

return DLT
