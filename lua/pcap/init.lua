--- pcap: packet capture, savefiles and filters through libpcap. This file is the façade only.

if type(jit) ~= "table" then
  error("pcap: needs LuaJIT, and this is " .. _VERSION .. ". Run the script with luajit.", 0)
end

local ffi = require "ffi"
local dead = require "pcap.source.dead"
local devices = require "pcap.devices"
local DLT = require "pcap.dlt"
local filter = require "pcap.filter"
local live = require "pcap.source.live"
local names = require "pcap.names"
local reader = require "pcap.source.reader"
local offline = require "pcap.source.offline"
local shim = require "pcap.core.shim"
local on_demand = require "pcap.core.on_demand"
local recorder = on_demand.module "pcap.sink.recorder"
local without_capture = on_demand.module "pcap.sink.without_capture"
local merge = on_demand.module "pcap.source.merge"
local timestamp = require "pcap.timestamp"

-- A worker of nginx is another user, who may not be able to read the module's files.
if rawget(_G, "ngx") then
  on_demand.load_all()
end

return {
  _VERSION = "1.0.0",
  _LIB_VERSION = ffi.string(shim.luapcap_lib_version()),
  DLT = DLT,
  compile = filter.compile,
  open_live = live.open_live,
  open_dead = dead.open_dead,
  open_offline = offline.open_offline,
  reader = reader.reader,
  dumper = function(opts) return without_capture.dumper(opts) end,
  recorder = function(opts) return recorder.recorder(opts) end,
  merge = function(captures, opts)
    return merge.merge(captures, opts)
  end,
  tv2secs = timestamp.tv2secs,
  secs2tv = timestamp.secs2tv,
  devices = devices.devices,
  default_device = devices.default_device,
  lookupnet = devices.lookupnet,
  can_set_rfmon = devices.can_set_rfmon,
  datalink = names.datalink,
  datalink_name = names.datalink_name,
  datalink_description = names.datalink_description,
  tstamp_type = names.tstamp_type,
  tstamp_type_name = names.tstamp_type_name,
  tstamp_type_description = names.tstamp_type_description,
}
