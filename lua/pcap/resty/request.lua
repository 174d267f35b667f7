--- Requests: a capture that a request opens is closed when the request ends, however it ends.
--
-- A client that goes away, ngx.exit() and errors end a request without a word to its Lua code. But
-- nginx closes the request's cosockets. So a request that opens captures gets a pair, whose other
-- end tells here that it has ended.

local pair = require "pcap.resty.pair"
local shim = require "pcap.core.shim"

local request = {}

-- Seconds from one look to the next, while there are requests that have opened captures.
local PAUSE = 1

-- Phases of a request that may have cosockets. In the others, no capture can be waited for.
local PHASES = {
  rewrite = true, server_rewrite = true, access = true, content = true, preread = true,
}

-- By the request's ngx.ctx, and in a list: the pairs of requests that have opened captures.
local by_request, pairs_of_requests = setmetatable({}, { __mode = "k" }), {}
-- By capture: its request's pair.
local owners = setmetatable({}, { __mode = "k" })

local is_looking = false

local function end_request(ended)
  for capture, owner in pairs(owners) do
    if owner == ended then
      owners[capture] = nil
      capture:close()
    end
  end
  shim.luapcap_pair_close(ended.fd)
end

-- Closes the captures of requests that have ended.
local function look()
  local running = {}
  for _, each in ipairs(pairs_of_requests) do
    if shim.luapcap_pair_is_open(each.fd) ~= 0 then
      running[#running + 1] = each
    else
      end_request(each)
    end
  end
  pairs_of_requests = running
end

local function look_again(premature)
  look()
  is_looking = not premature and #pairs_of_requests > 0
    and ngx.timer.at(PAUSE, look_again) or false
end

-- Lua cannot yield through functions in C that call Lua: require(), table.sort() and others. (Nginx
-- takes coroutine.isyieldable() away.)
local function is_yieldable()
  local level = 2
  local info = debug.getinfo(level, "Sf")
  while info do
    if info.what == "C" and info.func ~= pcall and info.func ~= xpcall then
      return false
    end
    level = level + 1
    info = debug.getinfo(level, "Sf")
  end
  return true
end

--- Whether the caller may wait while other light threads run: in a request or a timer.
---@return boolean
function request.may_wait()
  local phase = ngx.get_phase()
  return (PHASES[phase] or phase == "timer") and is_yieldable()
end

--- The pair of the running request, for own(). This may yield, so it comes before the opening.
---@return table|boolean|nil pair  false if no request runs
---@return string|nil message
function request.pair()
  look()
  if not PHASES[ngx.get_phase()] then
    return false
  end
  local ctx = ngx.ctx
  local own = by_request[ctx]
  if not own then
    local socket, fd = pair.new()
    if not socket then
      return nil, fd
    end
    own = { socket = socket, fd = fd } -- a cosocket that is collected would be closed
    by_request[ctx] = own
    pairs_of_requests[#pairs_of_requests + 1] = own
  end
  is_looking = is_looking or ngx.timer.at(PAUSE, look_again)
  return own
end

--- Closes a capture when a request ends.
---@param capture table
---@param owner table|boolean|nil  the request's pair; otherwise this does nothing
function request.own(capture, owner)
  owners[capture] = owner or nil
end

--- Leaves a capture open when its request ends.
function request.disown(capture)
  owners[capture] = nil
end

return request
