--- Dead captures: they have no packets, but a link type and a snapshot length, for writing files
-- and compiling filters.

local capture = require "pcap.capture"
local cdefs = require "pcap.core.cdefs"
local check = require "pcap.core.check"
local DLT = require "pcap.dlt"
local failure = require "pcap.core.failure"
local kinds = require "pcap.sink.kinds"
local none = require "pcap.source.none"
local options = require "pcap.core.options"
local shim = require "pcap.core.shim"

local dead = {}

local source = none.new { kind = "dead", has_packets = false }

function source.fetch(self)
  shim.luapcap_next(self._handle, self._packet)
  return capture.none(self, failure.message(self._handle))
end

--- Opens a capture that reads from nowhere.
---@param linktype? integer  one of pcap.DLT's numbers (default EN10MB)
---@param snaplen? integer   bytes; 0 is the default, 65535
---@param opts? table        {precision = "micro"|"nano"} of the files it writes (default "micro")
---@return table|nil capture
---@return string|nil message
---pcap_open_dead_with_tstamp_precision
function dead.open_dead(linktype, snaplen, opts)
  linktype = check.integer(linktype == nil and DLT.EN10MB or linktype, 1, "open_dead", 0, 2^31 - 1)
  snaplen = check.integer(snaplen == nil and 0 or snaplen, 2, "open_dead", 0, 2^31 - 1)
  opts = options.read(opts, 3, "open_dead", { precision = options.precision })
  local handle = capture.own(shim.luapcap_open_dead_with_tstamp_precision(linktype,
    snaplen == 0 and kinds.WHOLE_PACKET or snaplen, opts.precision or cdefs.TSTAMP_PRECISION_MICRO))
  if not handle then
    return nil, "not enough memory for a capture"
  end
  return capture.new(source, handle, DLT[linktype] or tostring(linktype))
end

return dead
