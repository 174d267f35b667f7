--- Drops in nginx: the log and on_drop are told that packets were lost.

local drops = require "pcap.source.drops"
local nginx = require "pcap.resty.nginx"

local resty_drops = {}

--- What a capture calls when packets were lost. If a loop has the capture, it is the loop's on_drop
-- that is told.
function resty_drops.on_drop(dropped, capture)
  local loop, device = capture._loop, capture._name
  local callback = (loop or capture)._opts.on_drop
  nginx.log(ngx.WARN, device, ("%.0f packets were lost, because the buffer was full; %.0f in all")
    :format(dropped, capture._told_dropped))
  if callback then
    nginx.call(device, "on_drop", callback, dropped, loop or capture)
    if capture._ended and capture._handle then
      capture:breakloop() -- ends the read that has called this
    end
  end
end

resty_drops.tell = drops.tell

return resty_drops
