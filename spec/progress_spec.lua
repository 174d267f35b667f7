local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local folder, remove_folder, path

describe("cap:progress", function()
  setup(function()
    folder, remove_folder = shell.folder()
    path = shell.write(folder .. "/f.pcap", savefile.header() .. savefile.record(("x"):rep(5000)))
  end)
  teardown(function() remove_folder() end)

  it("tells the bytes read and the bytes in all", function()
    for _, big in ipairs { false, true } do
      local name = shell.write(folder .. "/p.pcap", savefile.header { big = big }
        .. savefile.record("12345", { big = big }) .. savefile.record("123", { big = big }))
      local cap = assert(pcap.open_offline(name))
      assert.same({ 24, 64 }, { cap:progress() })
      cap:next()
      assert.same({ 45, 64 }, { cap:progress() })
      cap:next()
      assert.same({ 64, 64 }, { cap:progress() })
    end
  end)

  it("tells them of a compressed file as it lies there", function()
    shell.needs_zlib()
    shell.run("gzip -kf %s", path)
    local size = #shell.read(path .. ".gz")
    local cap = assert(pcap.open_offline(path .. ".gz"))
    assert.equal(5000, #cap:next())
    assert.same({ size, size }, { cap:progress() })
  end)

  it("grows with a file that is written to", function()
    local name = shell.write(folder .. "/g.pcap", savefile.header())
    local cap = assert(pcap.open_offline(name))
    assert.same({ 24, 24 }, { cap:progress() })
    shell.write(name, savefile.header() .. savefile.record "abcd")
    assert.same({ 24, 44 }, { cap:progress() })
    cap:next()
    assert.same({ 44, 44 }, { cap:progress() })
  end)

  it("has nothing to tell of pipes and of what is no file", function()
    local pipe = io.popen("cat " .. path)
    local cap = assert(pcap.open_offline(pipe))
    local position, size = cap:progress()
    assert.is_nil(position)
    assert.matches("a pipe has no position$", size)
    pipe:close()
    local nothing, message = pcap.open_dead():progress()
    assert.is_nil(nothing)
    assert.equal("pcap capture (dead EN10MB) is not a file", message)
  end)
end)

describe("pcap.program.progress", function()
  local function run(command)
    -- script(1) gives the program a terminal.
    return shell.try("script -qec %s /dev/null </dev/null", "env LUA_PATH='./lua/?.lua;"
      .. "./lua/?/init.lua' LUA_CPATH='./build/?.so' " .. command)
  end

  local function program(place, seconds)
    local bytes = { savefile.header() }
    for i = 1, 1000 do bytes[i + 1] = savefile.record "x" end
    local file = shell.write(place .. "/thousand.pcap", table.concat(bytes))
    return "luajit " .. shell.write(place .. "/program.lua", ([[
      local progress = require "pcap.program.progress"
      local cap = assert(require("pcap").open_offline(arg[2] or %q))
      local show, count = progress.new({ cap }, arg[1] == "prints"), 0
      for _ in cap:packets() do
        count = count + 1
        if count == 500 then os.execute "sleep %s" end
        show()
      end
      progress.clear()
    ]]):format(file, seconds))
  end

  it("shows a bar on a terminal after a second, and takes it away", function()
    if not shell.has "script" then return pending("needs script(1)") end
    local place, remove = shell.folder()
    finally(remove)
    local output = run(program(place, 2.1))
    local bar, percent, megabytes = output:match "\r%[(#+) *%] +(%d+)%% of (%S+) MB"
    assert.is_truthy(bar, output)
    assert.is_true(tonumber(percent) >= 50 and tonumber(percent) < 60, percent)
    assert.is_true(#bar >= 20 and #bar < 24)
    assert.equal("0.0", megabytes)
    assert.equal("\r\27[K", output:sub(-4))
  end)

  it("counts the packets of what has no end", function()
    if not shell.has "script" then return pending("needs script(1)") end
    local place, remove = shell.folder()
    finally(remove)
    local command = ("cat %s/thousand.pcap | %s x -"):format(place, program(place, 2.1))
    local output = run("sh -c " .. shell.quote(command))
    assert.matches("^\r5%d%d packets\r\27%[K$", output)
  end)

  it("shows nothing for less, nor without a terminal, nor among printed lines", function()
    if not shell.has "script" then return pending("needs script(1)") end
    local place, remove = shell.folder()
    finally(remove)
    assert.equal("", (run(program(place, 0))))
    local slow = program(place, 2.1)
    assert.equal("", (run(slow .. " prints")))
    assert.equal("", (run(slow .. " 2>&1 | cat")))
  end)
end)
