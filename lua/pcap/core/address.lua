--- Addresses out of their text.

local ffi = require "ffi"
local shim = require "pcap.core.shim"

local address = {}

local parsed = ffi.new("uint8_t[16]")

--- The bytes of an IPv4 or IPv6 address.
---@param text string
---@return string|nil bytes  4 or 16
function address.parse(text)
  local size = text:find("\0", 1, true) and 0 or shim.luapcap_address_parse(text, parsed)
  return size > 0 and ffi.string(parsed, size) or nil
end

--- The bytes of a link-layer address, two hexadecimal digits each.
---@param text string   "02:00:00:00:00:01"
---@param size integer  how many bytes
---@return string|nil bytes
function address.parse_hardware(text, size)
  local bytes, count = {}, 0
  local rest = (text .. ":"):gsub("(%x%x)[:-]", function(digits)
    count = count + 1
    bytes[count] = string.char(tonumber(digits, 16))
    return ""
  end)
  return rest == "" and count == size and table.concat(bytes) or nil
end

return address
