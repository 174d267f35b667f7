--- What the other files here ask of nginx itself: the phase, the worker's end, the privilege.

local nginx = {}

-- Before the fork there is no worker to wait in, and a thread would not be forked along.
local BEFORE_FORK = { init = true }

--- Raises where no worker runs yet.
---@param name string  the public function
function nginx.require_worker(name)
  if BEFORE_FORK[ngx.get_phase()] then
    error(("pcap.resty: '%s' runs in a worker, so not in init_by_lua: call it in "
      .. "init_worker_by_lua or later"):format(name), 3)
  end
end

-- As late as nginx's timers reach for sure, 24 days; then it is set again.
local FAR = 2 ^ 31 / 1000 - 1

local exiting, armed = {}, false

local function on_timer(premature)
  armed = false
  if not premature then
    nginx.at_exit(nil)
    return
  end
  for _, action in pairs(exiting) do
    action()
  end
end

--- Sets what is to be done when the worker begins to exit, on QUIT and on a reload: nginx calls
-- pending timers before their time then, and waits for whatever still runs. On TERM it waits for
-- nothing and calls nothing.
---@param key any            one action each; nil only renews the timer
---@param action? function   nil takes the key's action back
---@return boolean|nil set
---@return string|nil message
function nginx.at_exit(key, action)
  if key ~= nil then
    exiting[key] = action
  end
  if armed or not next(exiting) then
    return true
  end
  local set, message = ngx.timer.at(FAR, on_timer)
  armed = set and true or false
  return set, message
end

local WAYS = [[
; nginx's workers usually may not capture. What works: 'user root;'; pcap.resty's open_all() in
init_by_lua, where the master opens the captures as root; AmbientCapabilities=CAP_NET_RAW for a
service that starts as its user; 'proxy_bind $remote_addr transparent;' in a location, with
which workers keep CAP_NET_RAW. What does not: setcap on the binary under a root master]]

--- Adds to a failure to open what helps where nginx lacks the privilege.
---@param message string  open_live()'s
---@return string message
function nginx.explain(message)
  -- The core's words for it; no other failure names the capability.
  if message:find("CAP_NET_RAW", 1, true) then
    return message .. (WAYS:gsub("\n", " "))
  end
  return message
end

return nginx
