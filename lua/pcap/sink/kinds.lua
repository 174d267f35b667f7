--- Kinds of packets, as the header of a savefile tells them.

local DLT = require "pcap.dlt"
local shim = require "pcap.core.shim"

local kinds = {}

--- The snapshot length of a file for which none is given: what tcpdump takes for "all of a packet".
kinds.WHOLE_PACKET = 65535

-- The longest packet that libpcap reads back, whatever the snapshot length; those of some link
-- types may be longer.
local MAX_CAPLEN = 262144
local HAS_LONGER = {}
for _, name in ipairs { "DBUS", "EBHSCR", "USBPCAP" } do
  HAS_LONGER[DLT[name] or name] = true
end

--- Bytes of the longest packet that a file of a kind can hold.
function kinds.longest_packet(kind)
  return HAS_LONGER[kind.linktype] and kind.snaplen or math.min(kind.snaplen, MAX_CAPLEN)
end

--- The kind of packets that a handle gives: what a savefile's header tells of them.
---@param handle ffi.cdata*  pcap_t *
---@return table kind  {linktype =, extension = (what the header has beside it), snaplen =,
--- precision = cdefs.TSTAMP_PRECISION_*}
function kinds.of(handle)
  return {
    linktype = shim.luapcap_datalink(handle),
    extension = shim.luapcap_datalink_ext(handle),
    snaplen = shim.luapcap_snapshot(handle),
    precision = shim.luapcap_get_tstamp_precision(handle),
  }
end

return kinds
