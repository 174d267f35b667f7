--- Link types as they stand in files, and what libpcap does with packets of them.

local ffi = require "ffi"
require "pcap.core.cdefs"
local shim = require "pcap.core.shim"

local linktype = {}

local known = {}

--- The DLT of a file's link type, and the longest packet that libpcap takes from such a file.
---@param number integer
---@return integer? dlt
---@return integer max_snaplen
function linktype.read(number)
  local entry = known[number]
  if not entry then
    local dlt, max_snaplen = ffi.new("int32_t[1]"), ffi.new("int32_t[1]")
    if shim.luapcap_linktype(number, dlt, max_snaplen) == 0 then
      return nil, 0
    end
    entry = { dlt = dlt[0], max_snaplen = max_snaplen[0] }
    known[number] = entry
  end
  return entry.dlt, entry.max_snaplen
end

-- Link types whose packets have numbers in the byte order of the machine that captured them.
-- Libpcap decides what to do with them. The list only saves asking it about each packet of other
-- link types.
local HOST_ORDER = { [113] = true, [117] = true, [189] = true, [220] = true, [239] = true,
  [276] = true }
local USB_LINUX_MMAPPED = 220

--- Whether libpcap may change packets of a link type before it hands them on.
---@param number integer   as it stands in the file
---@param swapped boolean  whether the file has the other byte order
---@return boolean
function linktype.needs_fix(number, swapped)
  return number == USB_LINUX_MMAPPED or (swapped and HOST_ORDER[number] or false)
end

--- Changes a packet as libpcap does. Its data is changed in place.
---@param number integer
---@param swapped boolean
---@param pkt ffi.cdata*  luapcap_packet
---@param data ffi.cdata* uint8_t *
function linktype.fix(number, swapped, pkt, data)
  shim.luapcap_linktype_fix(number, swapped and 1 or 0, pkt, data)
end

return linktype
