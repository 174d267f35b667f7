local frames = require "spec.support.frames"
local net = require "spec.support.net"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"
local traffic = require "spec.support.traffic"

-- TCP in two directions and UDP, on port 80 and others.
local function write_capture(path)
  local parts = { savefile.header() }
  for i = 1, 20 do
    local payload = ("x"):rep(i)
    local packet = i % 3 == 0
      and frames.ethernet(0x0800, frames.ipv4(17, frames.udp(payload, { dport = 53 })))
      or frames.ethernet(0x0800, frames.ipv4(6, frames.tcp(payload, { dport = 80, seq = i })))
    parts[#parts + 1] = savefile.record(packet, { sec = i })
  end
  shell.write(path, table.concat(parts))
end

local root = shell.run("pwd"):gsub("\n", "")

-- Runs a block of code in a folder; gives what it prints, and its status. `before` may begin the
-- command, such as "timeout 5".
local function run(folder, block, before)
  shell.write(folder .. "/block.lua", block)
  return shell.try("cd %s && LUA_PATH=%s LUA_CPATH=%s " .. (before or "") .. " luajit block.lua",
    folder, ("%s/lua/?.lua;%s/lua/?/init.lua;;"):format(root, root), root .. "/build/?.so;;")
end

-- The block of a guide that has a text.
local function block_with(guide, text)
  for block in shell.read("docs/guide/" .. guide):gmatch "```lua\n(.-)```" do
    if block:find(text, 1, true) then return block end
  end
  error("no block of " .. guide .. " has " .. text)
end

-- Ends what does not end by itself as Ctrl-C does.
local CTRL_C = "timeout --preserve-status -s INT 2"

describe("A guide", function()
  for path in shell.run("ls docs/guide/*.md"):gmatch "[^\n]+" do
    local number = 0
    for block in shell.read(path):gmatch "```lua\n(.-)```" do
      number = number + 1
      it(("has code that runs: %s, %d"):format(path:match "[^/]+$", number), function()
        assert(loadstring(block, "=" .. path))
        -- No device of this machine; or a loop that only a signal ends, see below.
        if block:find("eth0", 1, true) or block:find("math.huge", 1, true) then return end
        local folder, remove = shell.folder()
        finally(remove)
        write_capture(folder .. "/in.pcap")
        local output, status = run(folder, block)
        assert.equal(0, status, output)
      end)
    end
  end

  it("prints the names in a file that grows, until Ctrl-C", function()
    if not pcall(require, "posix.signal") then return shell.skip "needs lua-posix" end
    local folder, remove = shell.folder()
    finally(remove)
    local function record(name)
      local message = ("\0"):rep(12) .. name .. "\0\0\1\0\1"
      return savefile.record(frames.ethernet(0x0800,
        frames.ipv4(17, frames.udp(message, { dport = 53 }))))
    end
    shell.write(folder .. "/in.pcap", savefile.header() .. record "\3www\7example")
    shell.write(folder .. "/more", record "\1a\3org")
    shell.run("{ sleep 0.7; cat %s/more >>%s/in.pcap; } >/dev/null 2>&1 &", folder, folder)
    local output, status = run(folder, block_with("reading.md", "follow = true"), CTRL_C)
    assert.equal("www.example\na.org\n", output)
    assert.equal(0, status)
  end)

  it("captures for some seconds, though packets come without a pause #live", function()
    if not net.require_privilege(pending) then return end
    local folder, remove = shell.folder()
    local a, b, remove_devices = net.veth()
    finally(function() remove_devices() remove() end)
    local block = block_with("capturing.md", "stop_at"):gsub("eth0", a):gsub("%+ 10", "+ 2")
    local wait = traffic.start(traffic.write(folder .. "/packets", 3000), b, 500)
    local output, status = run(folder, block, "timeout 4")
    wait()
    assert.equal(0, status, output)
    assert.is_true(select(2, output:gsub("\n", "")) > 100)
  end)

  it("captures until Ctrl-C #live", function()
    if not net.require_privilege(pending) then return end
    if not pcall(require, "posix.signal") then return shell.skip "needs lua-posix" end
    local folder, remove = shell.folder()
    local a, _, remove_devices = net.veth()
    finally(function() remove_devices() remove() end)
    local block = block_with("capturing.md", "SIGINT"):gsub("eth0", a)
    local output, status = run(folder, block, CTRL_C)
    assert.equal("0\tbreak\n", output)
    assert.equal(0, status)
  end)

  it("is listed, and links to what is there", function()
    local list = shell.read "docs/guide/README.md"
    for path in shell.run("ls docs/guide/*.md"):gmatch "[^\n]+" do
      local name = path:match "[^/]+$"
      assert.is_truthy(name == "README.md" or list:find("(" .. name .. ")", 1, true), name)
      for link in shell.read(path):gmatch "%]%(([^)#]+)" do
        local file = io.open("docs/guide/" .. link)
        assert.is_truthy(file, path .. " links to " .. link)
        file:close()
      end
    end
  end)
end)
