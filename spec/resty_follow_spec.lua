-- live.follow: a file that somebody else writes, read in nginx's event loop.

local resty = require "spec.support.resty"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local eventually = resty.eventually

local HTTP = [[
  init_worker_by_lua_block {
    live = require "pcap.resty"
    count, bytes = 0, 0
    local problem
    loop, problem = live.follow("%s", function(pkt)
      count, bytes = count + 1, bytes + pkt.caplen
    end, { filter = "len > 3", on_exit = function(reason) ended = reason end%s })
    if not loop then ngx.log(ngx.ERR, problem) end
  }]]

describe("live.follow #nginx", function()
  local folder, remove, path, server

  before_each(function()
    folder, remove = shell.folder()
    shell.run("chmod 755 %s", folder)
    path = shell.write(folder .. "/in.pcap", savefile.header() .. savefile.record("first"))
  end)
  after_each(function()
    if server then server:remove() end
    remove()
  end)

  local function serve(options)
    server = resty.serve { http = HTTP:format(path, options or "") }
  end

  local function append(text)
    local file = assert(io.open(path, "ab"))
    file:write(text)
    file:close()
  end

  local function counted(count)
    return eventually(function() return resty.stats(server).count == count end)
  end

  for _, options in ipairs { "", ', waiter = "sleep"' } do
    it("takes what is there and what is added" .. options, function()
      serve(options)
      assert.is_true(counted(1))
      append(savefile.record("xyz") .. savefile.record("second"))
      assert.is_true(counted(2))
      append(savefile.record(("many "):rep(4)):rep(50000))
      assert.is_true(counted(50002))
      assert.equal(tostring(5 + 6 + 50000 * 20), resty.run(server, "return bytes"))
      assert.equal("", server:complaints())
    end)
  end

  it("goes on with the file that takes its place, and says so in the log", function()
    serve()
    assert.is_true(counted(1))
    assert(os.rename(path, path .. ".1"))
    shell.write(path, savefile.header() .. savefile.record "of the new file")
    assert.is_true(counted(2))
    append(savefile.record "more of it")
    assert.is_true(counted(3))
    shell.write(path, savefile.header() .. savefile.record "anew")
    assert.is_true(counted(4))
    assert.equal("nil", resty.run(server, "return tostring(ended)"))
  end)

  it("sleeps while nothing is added", function()
    shell.needs_linux "inotify"
    serve()
    assert.is_true(counted(1))
    local pid = resty.run(server, "return ngx.worker.pid()")
    shell.run "sleep 0.5"
    local before = resty.switches(pid)
    shell.run "sleep 3"
    assert.is_true(resty.switches(pid) - before < 20, resty.switches(pid) - before)
  end)

  it("takes turns with the worker's other work in a large file, and ends at stop", function()
    append(savefile.record(("many "):rep(4)):rep(300000))
    serve()
    assert.is_true(counted(300001))
    assert.is_true(resty.stats(server).turns > 3)
    resty.run(server, "loop:stop()")
    assert.is_true(eventually(function() return resty.stats(server).ended == "closed" end))
  end)

  it("says what is wrong with the file", function()
    serve()
    assert.equal("nil /none: No such file or directory", resty.run(server,
      'local loop, message = live.follow("/none", print) return tostring(loop) .. " " .. message'))
    assert.matches("bad argument #2 to 'follow' %(function expected, got nil%)$",
      resty.run(server, "return select(2, pcall(live.follow, '/none'))"))
  end)
end)
