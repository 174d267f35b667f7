--- Teams: captures that nginx's master opens as root, one for each worker, in one fanout group.
--
-- Workers inherit all of them at the fork. Each takes its own and closes the others. The master
-- keeps its copies until it has loaded another configuration. A worker that replaces a dead one
-- goes on with its capture, if the ring's blocks tell where the dead one was reading. A ring of
-- frames (immediate mode) does not tell. If libpcap reads, only the dead worker's libpcap knew. If
-- reading started somewhere, it would stay behind or ahead of the kernel for ever.

local check = require "pcap.core.check"
local nginx = require "pcap.resty.nginx"
local options = require "pcap.core.options"
local opening = require "pcap.resty.opening"
local resty_capture = require "pcap.resty.live"
local resty_options = require "pcap.resty.options"

local team = {}

local Team = { __name = "pcap team" }
Team.__index = Team

-- How many teams this Lua state has opened. The master makes a new state for each configuration.
local teams = 0

-- A fanout group for each nginx and team. It stays the same from one configuration to the next, so
-- that old and new workers share the packets during a reload.
local function default_group(opts)
  teams = teams + 1
  local key = ("%s\0%s\0%d"):format(ngx.config.prefix(), opts.device or "any", teams)
  return { id = ngx.crc32_short(key) % 65536, type = "hash", flags = { rollover = true } }
end

--- Opens captures for the workers. Call it in init_by_lua, where the master runs as root.
-- `nginx -t` and `nginx -s` do not run init_by_lua, so they open nothing.
---@param n integer   how many: ngx.worker.count()
---@param opts table  as capture.open takes them; fanout defaults to type "hash" in a group of
--- this nginx's own
---@return table|nil team
---@return string|nil message
function team.open_all(n, opts)
  if n == -1 then -- what ngx.worker.count() gives if the number is not set yet
    check.fail(1, "open_all", "number of workers expected, got -1: set worker_processes before "
      .. "the http block")
  end
  n = check.integer(n, 1, "open_all", 1, 1024)
  opts = options.read(opts, 2, "open_all", resty_options.OPTIONS)
  local self = setmetatable({ _captures = {}, _size = n }, Team)
  opts.fanout = opts.fanout or default_group(opts)
  for id = 0, n - 1 do
    local capture, message = opening.make(opts)
    if not capture then
      self:close()
      return nil, message
    end
    self._captures[id] = capture
  end
  return self
end

--- Takes this worker's capture, and closes the others in this process only. Call it in
-- init_worker_by_lua.
---@return table|nil capture   as capture.open gives it
---@return string|nil message  there is none for this worker; or a dead worker had it, and its place
--- is not known: its share of the packets is lost until nginx is reloaded
function Team:take()
  nginx.require_worker("take")
  local id = ngx.worker.id()
  local own = id and self._captures[id]
  if id then
    self._captures[id] = nil
  end
  self:close()
  if not own then
    return nil, ("opened for %d workers: none for %s"):format(self._size,
      id and "worker " .. id .. " (counted from 0), or taken already" or "a process that is none")
  end
  if not resty_capture.take(own) then
    own:close()
    return nil, ("worker %d has died and left its capture in a state that only it knew: reload "
      .. "nginx to open new captures"):format(id)
  end
  return own
end

--- Closes the captures that have not been taken.
function Team:close()
  for id, capture in pairs(self._captures) do
    capture:close()
    self._captures[id] = nil
  end
end

return team
