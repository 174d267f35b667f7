--- pcap.decode: what is in a packet. This file is the façade only.

local address = require "pcap.decode.address"
local classic = require "pcap.decode.pcaplua"
local layers = require "pcap.decode.layers"
local registry = require "pcap.decode.registry"
local summary = require "pcap.decode.summary"

return {
  decode_ethernet = classic.decode_ethernet,
  decode_ip = classic.decode_ip,
  decode_tcp = classic.decode_tcp,
  decode_udp = classic.decode_udp,
  layers = layers.layers,
  add = registry.add,
  summary = summary.summary,
  address = address.address,
  text = address.text,
}
