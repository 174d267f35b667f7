--- A real nginx for the specs: its own prefix, on loopback, stopped by its pid.

local shell = require "spec.support.shell"

local nginx = {}

local Server = {}
Server.__index = Server

-- A port that nobody listens on now. Each process begins its search elsewhere.
local last_port = 20000 + tonumber(shell.run "echo $PPID") * 37 % 12000

local function free_port()
  local taken = shell.run "ss -ltnH"
  repeat
    last_port = last_port + 1
  until not taken:find((":%d "):format(last_port), 1, true)
  return last_port
end

local MODULES = [[
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
]]

local TEMPLATE = MODULES .. [[
$MAIN
worker_processes $WORKERS;
pid $PREFIX/nginx.pid;
error_log $PREFIX/error.log notice;
events { worker_connections $CONNECTIONS; }
http {
  access_log off;
  client_body_temp_path $PREFIX/temp;
  proxy_temp_path $PREFIX/temp;
  fastcgi_temp_path $PREFIX/temp;
  uwsgi_temp_path $PREFIX/temp;
  scgi_temp_path $PREFIX/temp;
  lua_package_path "$PREFIX/module/?.lua;$PREFIX/module/?/init.lua;/usr/share/lua/5.1/?.lua;;";
  lua_package_cpath "$PREFIX/module/?.so;;";
  $HTTP
  server {
    listen 127.0.0.1:$PORT;
    location = /hello { content_by_lua_block { ngx.say("hello") } }
    $SERVER
  }
}
]]

local root = shell.run("pwd"):gsub("\n", "")

--- Starts a server. Options: main, http, server (pieces of configuration), workers (default 1),
--- connections (of each worker, default 256), and user (default root); or text, a whole
--- configuration.
function nginx.start(opts)
  shell.needs("nginx", "curl", "ss", "ps")
  local prefix, remove = shell.folder()
  -- Workers of another user read the module there: the source folder may lie in a closed home.
  shell.run("chmod 755 %s && mkdir %s/module && cp -r lua/pcap lua/resty %s/module && "
    .. "cp build/pcap/shim.so %s/module/pcap && chmod -R a+rX %s/module", prefix, prefix, prefix,
    prefix, prefix)
  local self = setmetatable({ prefix = prefix, port = free_port(), _remove = remove }, Server)
  self:configure(opts)
  local function expand(text)
    return (text or ""):gsub("%$PREFIX", prefix)
  end
  self._program = expand(opts.launcher) .. " " .. expand(opts.binary or "nginx")
  if opts.prepare then
    shell.run((expand(opts.prepare)))
  end
  local output, status = self:command("")
  if status ~= 0 then
    local log = self:log()
    remove()
    error("nginx does not start:\n" .. output .. log, 2)
  end
  -- Answered by a worker, so after its init_worker_by_lua.
  local answered, problem = pcall(self.get, self, "/hello")
  if not answered then
    local log = self:log()
    self:remove()
    error("nginx does not answer: " .. problem .. log, 2)
  end
  return self
end

--- Starts the demo of examples/openresty with its own configuration, on another port.
function nginx.start_demo()
  local prefix, remove = shell.folder()
  local self = setmetatable({ prefix = prefix, port = free_port(), _remove = remove }, Server)
  local text = shell.read "examples/openresty/nginx.conf"
  text = text:gsub("8080", self.port):gsub("build/openresty", prefix):gsub("daemon off;", "")
    :gsub("%$prefix", root)
  local count
  -- The page is found relative to nginx's prefix, which is the source folder there.
  text, count = text:gsub("root examples", "root " .. root .. "/examples")
  assert(count == 1)
  shell.write(prefix .. "/nginx.conf", [[
    load_module /usr/lib/nginx/modules/ndk_http_module.so;
    load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
]] .. text)
  self._program = "nginx"
  local output, status = self:command ""
  assert(status == 0, output)
  self:get "/"
  return self
end

--- Writes the configuration.
function Server:configure(opts)
  local values = {
    MAIN = opts.main or "user root;", HTTP = opts.http or "", SERVER = opts.server or "",
    WORKERS = opts.workers or 1, CONNECTIONS = opts.connections or 256,
    PREFIX = self.prefix, PORT = self.port, ROOT = root,
  }
  local template = TEMPLATE
  if opts.text then
    template = MODULES .. "pid $PREFIX/nginx.pid; error_log $PREFIX/error.log notice;\n"
      .. opts.text
  end
  -- Twice: the pieces may use the names too.
  local text = template:gsub("%$(%u+)", values):gsub("%$(%u+)", values)
  shell.write(self.prefix .. "/nginx.conf", text)
end

--- Runs nginx with this prefix and more arguments.
function Server:command(arguments)
  return shell.try(self._program .. " -p %s/ -c %s/nginx.conf -e %s/error.log " .. arguments,
    self.prefix, self.prefix, self.prefix)
end

function Server:pid()
  return tonumber(shell.read(self.prefix .. "/nginx.pid"))
end

--- The pids of the workers, those that are shutting down included unless `current`.
function Server:workers(current)
  local pids = {}
  local children = shell.try("ps -o pid=,args= --ppid %s", self:pid())
  for pid, args in children:gmatch "(%d+) ([^\n]+)" do
    if args:find("worker process", 1, true)
      and not (current and args:find("shutting down", 1, true)) then
      pids[#pids + 1] = tonumber(pid)
    end
  end
  return pids
end

--- Reloads the configuration; returns when only new workers are left.
function Server:reload()
  local old = {}
  for _, pid in ipairs(self:workers()) do
    old[pid] = true
  end
  self:signal "HUP"
  for _ = 1, 200 do
    shell.run "sleep 0.02"
    local now, left = self:workers(), false
    for _, pid in ipairs(now) do
      left = left or old[pid]
    end
    if #now > 0 and not left then
      self:get "/hello"
      return
    end
  end
  error("the old workers do not end:\n" .. self:log(), 2)
end

function Server:signal(name)
  shell.run("kill -%s %s", name, self:pid())
end

--- GETs a path: the body, and seconds it took.
function Server:get(path)
  local output = shell.run("curl -s -m 10 -w '\n%%{time_total}' %s",
    ("http://127.0.0.1:%d%s"):format(self.port, path))
  local body, seconds = output:match("^(.*)\n([%d.]+)$")
  return body, tonumber(seconds)
end

--- POSTs a body to a path.
function Server:post(path, body)
  return shell.run("curl -s -m 10 --data-binary %s %s", body,
    ("http://127.0.0.1:%d%s"):format(self.port, path))
end

function Server:log()
  return shell.read(self.prefix .. "/error.log")
end

--- Lines of the log that tell of more than a normal life; `expected` is a pattern to leave out.
function Server:complaints(expected)
  local lines = {}
  for line in self:log():gmatch "[^\n]+" do
    if (line:find("%[error%]") or line:find("%[alert%]") or line:find("%[crit%]")
      or line:find("%[emerg%]") or line:find("signal 11", 1, true) or line:find("panic", 1, true))
      and not (expected and line:find(expected)) then
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n")
end

--- Waits until a process has ended, reaped or not: seconds it took, or nil after ten of them.
function nginx.wait_for_end(pid)
  local output = shell.run([[
    start=$(date +%%s.%%N)
    for i in $(seq 500); do
      case $(cut -d' ' -f3 /proc/%s/stat 2>/dev/null) in Z|'') break ;; esac
      sleep 0.02
    done
    echo "$i $start $(date +%%s.%%N)"]], pid)
  local tries, from, to = output:match "(%d+) ([%d.]+) ([%d.]+)"
  return tonumber(tries) < 500 and to - from or nil
end

--- Stops the server, at once (TERM) or with another signal; gives seconds it took, or nil.
function Server:stop(signal)
  local pid, workers = self:pid(), self:workers()
  self:signal(signal or "TERM")
  local seconds = nginx.wait_for_end(pid)
  if not seconds then
    for _, stuck in ipairs { pid, unpack(workers) } do
      shell.try("kill -KILL %s", stuck)
    end
  end
  return seconds
end

function Server:remove()
  if select(2, shell.try("test -e %s/nginx.pid", self.prefix)) == 0 then
    self:stop()
  end
  self._remove()
end

return nginx
