--- Kinds of packets, as a savefile's header describes them.

local DLT = require "pcap.dlt"
local shim = require "pcap.core.shim"

local kinds = {}

--- The snapshot length of a file if none is given: what tcpdump takes for "all of a packet".
kinds.WHOLE_PACKET = 65535

-- The longest packet that libpcap reads, at any snapshot length. Packets of some link types may be
-- longer.
local MAX_CAPLEN = 262144
local HAS_LONGER = {}
for _, name in ipairs { "DBUS", "EBHSCR", "USBPCAP" } do
  HAS_LONGER[DLT[name] or name] = true
end

--- The length in bytes of the longest packet that a file of a kind can hold.
function kinds.longest_packet(kind)
  return HAS_LONGER[kind.linktype] and kind.snaplen or math.min(kind.snaplen, MAX_CAPLEN)
end

--- The kind of packets that a handle gives, as a savefile's header describes it.
---@param handle ffi.cdata*  pcap_t *
---@return table kind  {linktype =, extension = (the other bits of the link type field), snaplen =,
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
