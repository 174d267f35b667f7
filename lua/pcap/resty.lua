--- pcap.resty: captures that share an nginx worker's event loop. This file is the façade only.

if type(ngx) ~= "table" or type(ngx.socket) ~= "table" then
  error("pcap.resty runs inside nginx only, in OpenResty or with lua-nginx-module: it waits in the "
    .. "event loop there; elsewhere use cap:packets() and cap:wait() of the module pcap", 2)
end

local pcap = require "pcap" -- gives captures all their methods too
local loop = require "pcap.resty.loop"
local opening = require "pcap.resty.opening"
local team = require "pcap.resty.team"
require "pcap.resty.rotation" -- gives dumpers that rotate a timer

return {
  _VERSION = pcap._VERSION,
  open = opening.open,
  open_all = team.open_all,
  start = loop.start,
  follow = loop.follow,
}
