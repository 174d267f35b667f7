--- What the other files here need from nginx itself: the phase, a tick, the worker's end, the
-- privilege, the log.

local nginx = {}

-- Before the fork there is no worker to wait in, and the fork would not copy a thread.
local BEFORE_FORK = { init = true }

--- Whether a worker runs already.
---@return boolean
function nginx.is_worker()
  return not BEFORE_FORK[ngx.get_phase()]
end

--- Raises an error if no worker runs yet.
---@param name string  the public function
function nginx.require_worker(name)
  if not nginx.is_worker() then
    error(("pcap.resty: '%s' runs in a worker, so not in init_by_lua: call it in "
      .. "init_worker_by_lua or later"):format(name), 3)
  end
end

-- Seconds between two ticks. A repeating timer is set again even if nginx has no connection or
-- light thread free to run it now.
local TICK = 5

local watched, ticks = {}, false

local function nothing()
end

local function on_tick(premature)
  local due = {} -- a tick may end one loop and start another
  for _, tick in pairs(watched) do
    due[#due + 1] = tick
  end
  for _, tick in ipairs(due) do
    tick(premature)
  end
  if premature then
    -- Now nginx is between two rounds of its event loop. It runs what a tick has woken after the
    -- next event, so there has to be one.
    ngx.timer.at(0, nothing)
  end
end

--- Sets what to call every few seconds, and when the worker begins to exit: on QUIT and on a
-- reload. Then nginx calls pending timers before their time, and waits for whatever still runs. On
-- TERM it waits for nothing and calls nothing.
---@param key any         each key has one function
---@param tick? function  tick(exiting); nil removes the key's function
---@return boolean|nil set
---@return string|nil message
function nginx.watch(key, tick)
  watched[key] = tick
  if ticks or not tick then
    return true
  end
  local set, message = ngx.timer.every(TICK, on_tick)
  ticks = set and true or false
  return set, message
end

local WAYS = [[
; nginx's workers usually may not capture. What works: 'user root;'; pcap.resty's open_all() in
init_by_lua, where the master opens the captures as root; AmbientCapabilities=CAP_NET_RAW for a
service that starts as its user; 'proxy_bind $remote_addr transparent;' in a location, with
which workers keep CAP_NET_RAW. What does not: setcap on the binary under a root master]]

--- Whether opening failed because nginx lacks the privilege.
---@param message string  open_live()'s
function nginx.lacks_privilege(message)
  -- This is the core's wording. No other failure names the capability.
  return message:find("CAP_NET_RAW", 1, true) ~= nil
end

--- Adds what helps to such a message.
---@param message string
---@return string message
function nginx.explain(message)
  if nginx.lacks_privilege(message) then
    return message .. (WAYS:gsub("\n", " "))
  end
  return message
end

--- A message without the device's name, with which the core's messages about opening begin.
---@param device string
---@param message string
---@return string
function nginx.bare(device, message)
  local name = device .. ": "
  return message:sub(1, #name) == name and message:sub(#name + 1) or message
end

--- A message that names the device first.
---@param device string
---@param message string
---@return string
function nginx.about(device, message)
  return device .. ": " .. nginx.bare(device, message)
end

--- Writes a line about a device into nginx's error log.
---@param level integer  such as ngx.ERR
function nginx.log(level, device, message)
  ngx.log(level, "pcap.resty: ", nginx.about(device, message))
end

--- Calls a function of the user's. If it raises an error, the error is logged with its traceback.
---@param device string
---@param name string        the option that the function was given as
---@param callback function
---@param ... any            its arguments
function nginx.call(device, name, callback, ...)
  local called, problem = xpcall(callback, debug.traceback, ...)
  if not called then
    nginx.log(ngx.ERR, device, name .. ": " .. tostring(problem))
  end
end

return nginx
