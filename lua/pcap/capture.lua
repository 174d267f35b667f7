--- The capture: one object for all sources of packets. This file lists its methods; object.lua in
-- its folder lists its fields.
--
-- What differs between sources is in their tables of functions, which source/none.lua lists.

local callbacks = require "pcap.capture.callbacks"
local dumping = require "pcap.capture.dumping"
local fanout = require "pcap.capture.fanout"
local filtering = require "pcap.capture.filtering"
local metadata = require "pcap.capture.metadata"
local object = require "pcap.capture.object"
local reading = require "pcap.capture.reading"
local sending = require "pcap.capture.sending"
local settings = require "pcap.capture.settings"
local waiting = require "pcap.capture.waiting"

local METHODS = {
  { reading.methods, "next", "next_packet", "packets", "ending", "progress", "seek", "close" },
  { callbacks, "loop", "dispatch", "breakloop" },
  { waiting, "wait", "getfd", "pollable", "required_timeout" },
  { filtering.methods, "set_filter" },
  { settings, "datalink", "datalinks", "set_datalink", "datalink_ext", "snapshot", "stats",
    "set_direction", "set_nonblock", "nonblock", "tstamp_types", "tstamp_precision", "is_swapped",
    "version", "bufsize", "fileno" },
  { metadata, "interfaces", "section", "names", "secrets", "blocks" },
  { fanout.methods, "set_fanout" },
  { sending, "inject", "sendpacket", "inject_all" },
  { dumping, "dump_open" },
}

for _, row in ipairs(METHODS) do
  local methods = row[1]
  for i = 2, #row do
    object.class[row[i]] = assert(methods[row[i]], row[i])
  end
end

return object
