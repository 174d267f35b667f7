--- A real nginx whose workers run a loop of pcap.resty, for the specs.

local nginx = require "spec.support.nginx"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

local resty = {}

--- Lua for a callback that keeps the packet's number, and for the end, when each worker writes its
-- numbers to a file: see numbers().
resty.KEEP_NUMBER = "ids[#ids + 1] = pkt:bytes(15, 22)"
resty.WRITE_NUMBERS = [[
  local file = io.open(ngx.config.prefix() .. "seen-" .. ngx.worker.pid(), "w")
  file:write(table.concat(ids, "\n"))
  file:close() ]]

local INIT_WORKER = [[
  init_worker_by_lua_block {
    live = require "pcap.resty"
    count, ids = 0, {}
    options = { device = "$DEVICE", filter = "$FILTER", buffer_size = 16777216,
      on_exit = function(reason) ended = reason $ON_EXIT end, $OPTIONS }
    local source, problem = $SOURCE
    if source then
      loop, problem = live.start(source, function(pkt) $CALLBACK end)
      warning = problem
    end
    if not loop then ngx.log(ngx.ERR, problem) end
  }]]

local SERVER = [[
  location = /stats { content_by_lua_block {
    for name, value in pairs(loop:stats()) do ngx.say(name, "=", value) end
    ngx.say("count=", count, "\nended=", ended)
  } }
  location = /do { content_by_lua_block {
    ngx.req.read_body()
    ngx.say(assert(loadstring(ngx.req.get_body_data()))())
  } }]]

--- Starts it. Options, beside nginx.start's: device; callback, loop_options and on_exit, pieces of
-- Lua; source, an expression for what live.start gets (default: the options).
function resty.serve(opts)
  local values = {
    DEVICE = opts.device, FILTER = traffic.FILTER, OPTIONS = opts.loop_options or "",
    CALLBACK = opts.callback or "count = count + 1", ON_EXIT = opts.on_exit or "",
    SOURCE = opts.source or "options",
  }
  local all = {}
  for key, value in pairs(opts) do
    all[key] = value
  end
  local http = (opts.http or "") .. (opts.device and INIT_WORKER or "")
  all.http = http:gsub("%$(%u[%u_]+)", values)
  all.server = SERVER .. (opts.server or ""):gsub("%$(DEVICE)", values)
  return nginx.start(all)
end

--- The loop's stats and the globals count and ended.
function resty.stats(server)
  local values = {}
  for name, value in server:get("/stats"):gmatch "([%w_]+)=([^\n]*)" do
    values[name] = tonumber(value) or value
  end
  return values
end

--- Runs Lua in a worker; gives what it returns, as text.
function resty.run(server, text)
  return (server:post("/do", text):gsub("\n$", ""))
end

--- Waits until a condition gives something true, five seconds at the most; gives that.
function resty.eventually(condition)
  for _ = 1, 100 do
    local value = condition()
    if value then
      return value
    end
    shell.run "sleep 0.05"
  end
  return condition()
end

--- What `measure` gives, once it has given the same three times, or after five seconds: a figure to
-- begin with, when what was open for earlier requests is closed.
function resty.settled(measure)
  local value, times = nil, 0
  resty.eventually(function()
    local before = value
    value = measure()
    times = value == before and times + 1 or 1
    return times == 3
  end)
  return value
end

--- What `measure` gives, once that is `expected` or after five seconds: nginx's processes close
-- what they had open for each other when they get round to it.
function resty.settle(expected, measure)
  resty.eventually(function() return measure() == expected end)
  return measure()
end

--- The numbers that workers wrote: how often each was seen, how many in all, and the number of
-- each worker.
function resty.numbers(server)
  local seen, total, each = {}, 0, {}
  for name in shell.run("ls %s", server.prefix):gmatch "seen%-[^\n]+" do
    local own = 0
    for number in shell.read(server.prefix .. "/" .. name):gmatch "%d+" do
      seen[tonumber(number)] = (seen[tonumber(number)] or 0) + 1
      own = own + 1
    end
    each[#each + 1] = own
    total = total + own
  end
  return seen, total, each
end

--- Open descriptors of a process.
function resty.descriptors(pid)
  return tonumber(shell.run("ls /proc/%s/fd | wc -l", pid))
end

--- How many captures a process has open; a second descriptor of one does not count.
function resty.captures(pid)
  return tonumber(shell.run([[
    readlink /proc/%s/fd/* | sed -n 's/socket:.\([0-9]*\)./\1/p' | sort -u | while read -r inode; do
      awk -v inode="$inode" '$9 == inode' /proc/net/packet
    done | wc -l]], pid))
end

--- Voluntary context switches of a process, its threads included.
function resty.switches(pid)
  return tonumber(shell.run([[cat /proc/%s/task/*/status |
    awk '/^voluntary/ { sum += $2 } END { print sum }']], pid))
end

--- Packets, veth pair and server for a block of specs, made and removed around each of them.
-- `t` gets a and b, the ends of the pair, packets, a savefile of t.COUNT, and whatever server
-- the spec puts there is removed.
function resty.around(t, busted)
  local net = require "spec.support.net"
  local remove_folder
  t.COUNT, t.RATE = 20000, 50000
  busted.setup(function()
    local folder
    folder, remove_folder = shell.folder()
    t.packets = traffic.write(folder .. "/numbered.pcap", t.COUNT)
  end)
  busted.teardown(function()
    remove_folder()
  end)
  busted.before_each(function()
    if net.is_privileged() then
      t.a, t.b, t.remove_veth = net.veth()
    end
  end)
  busted.after_each(function()
    if t.server then
      t.server:remove()
      t.server = nil
    end
    if t.remove_veth then
      t.remove_veth()
    end
  end)
end

return resty
