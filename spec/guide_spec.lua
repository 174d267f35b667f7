local frames = require "spec.support.frames"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

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

describe("A guide", function()
  for path in shell.run("ls docs/guide/*.md"):gmatch "[^\n]+" do
    local number = 0
    for block in shell.read(path):gmatch "```lua\n(.-)```" do
      number = number + 1
      it(("has code that runs: %s, %d"):format(path:match "[^/]+$", number), function()
        assert(loadstring(block, "=" .. path))
        if block:find("eth0", 1, true) then return end -- no device of this machine
        local folder, remove = shell.folder()
        finally(remove)
        write_capture(folder .. "/in.pcap")
        local root = shell.run("pwd"):gsub("\n", "")
        shell.write(folder .. "/block.lua", block)
        local output, status = shell.try("cd %s && LUA_PATH=%s LUA_CPATH=%s luajit block.lua",
          folder, root .. "/lua/?.lua;" .. root .. "/lua/?/init.lua", root .. "/build/?.so")
        assert.equal(0, status, output)
      end)
    end
  end

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
