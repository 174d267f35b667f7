--- Asks libpcap what stands at a window's position.

local ffi = require "ffi"
local capture = require "pcap.capture"
local cdefs = require "pcap.core.cdefs"
local failure = require "pcap.core.failure"
local shim = require "pcap.core.shim"

local judgement = {}

local PACKET = require("pcap.core.status").PACKET

--- Has libpcap open the savefile whose first bytes a window has.
---@param window ffi.cdata*     luapcap_window *; freed with the handle, or at once if this fails
---@param input ffi.cdata*|nil  luapcap_input *, for libpcap to read on where the window ends
---@param precision integer     cdefs.TSTAMP_PRECISION_*
---@return ffi.cdata*|nil handle
---@return string|nil message   libpcap's
function judgement.open(window, input, precision)
  local handle = capture.own(shim.luapcap_window_open(ffi.gc(window, nil), input, precision,
    failure.clear()))
  if not handle then
    return nil, failure.text()
  end
  return handle
end

--- Has libpcap read the packet at the window's position.
---@param state table|ffi.cdata*  with `handle`
---@return boolean|nil taken
---@return string|nil reason      "closed", or libpcap's message
function judgement.judge(state, window, pkt)
  local status = shim.luapcap_window_next(window, state.handle, pkt)
  if status == PACKET then
    return true
  end
  return nil, status == cdefs.ERROR_BREAK and "closed" or failure.message(state.handle)
end

return judgement
