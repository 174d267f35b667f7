--- A libpcap handle for a pcapng file that we read ourselves.
--
-- Libpcap opens a small savefile in memory with the same first section and interface. So the handle
-- gives the file's link type, snapshot length, version and byte order.

local ffi = require "ffi"
local judgement = require "pcap.format.judgement"
local shim = require "pcap.core.shim"

local handle = {}

local SECTION = "\10\13\13\10" -- the same in both byte orders

-- A number below 256, in `size` bytes.
local function number(value, size, is_little)
  local text = string.char(value) .. ("\0"):rep(size - 1)
  return is_little and text or text:reverse()
end

local function block(kind, body, is_little)
  local length = number(#body + 12, 4, is_little)
  return kind .. length .. body .. length
end

local function header(state)
  local is_little = ffi.abi("le") ~= state.swapped
  local magic = "\77\60\43\26"
  return block(SECTION, (is_little and magic or magic:reverse()) .. number(1, 2, is_little)
      .. number(state.minor, 2, is_little) .. ("\255"):rep(8), is_little)
    .. block(number(1, 4, is_little), state.first_numbers, is_little)
end

--- Opens the handle. Call it when the first interface block has just been read.
---@param state table        of pcapng.new()
---@param precision integer  cdefs.TSTAMP_PRECISION_*
---@return ffi.cdata*|nil handle
---@return string|nil message
function handle.open(state, precision)
  local window, bytes = shim.luapcap_window_new(), header(state)
  if window == nil then
    return nil, "not enough memory for a capture"
  end
  window = ffi.gc(window, shim.luapcap_window_free)
  if shim.luapcap_window_add(window, bytes, #bytes) ~= 0 then
    return nil, "not enough memory for a capture"
  end
  return judgement.open(window, nil, precision)
end

return handle
