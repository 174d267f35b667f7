--- Rotation inside nginx: pcap.resty's timer looks at the time for dumpers that get no packets.

local nginx = require "pcap.resty.nginx"
local rotating = require "pcap.sink.rotating"

local rotation = {}

-- Seconds after a round time. Packets from before it have come by then.
local LATER = 1

--- Looks at a dumper from now on until it is closed or collected.
---@param dumper table  of sink/rotating.lua
function rotation.start(dumper)
  if ngx.get_phase() == "init" then
    return -- before the workers are forked there are no timers
  end
  local held = setmetatable({ dumper = dumper }, { __mode = "v" })
  local function tick(is_exiting)
    local it = held.dumper
    if not it or not it._handle then
      nginx.watch(held, nil)
    elseif not is_exiting then
      local done, message = it:tick(ngx.time() - LATER)
      if not done then
        nginx.log(ngx.ERR, "rotation", message)
      end
    end
  end
  local set, message = nginx.watch(held, tick)
  if not set then
    nginx.log(ngx.ERR, "rotation", "no timer looks at the time: " .. message)
  end
end

rotating.started = rotation.start

return rotation
