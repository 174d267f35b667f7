local process = require "spec.support.process"
local shell = require "spec.support.shell"

-- Requires the module with another cpath; gives the message.
local function failure(cpath)
  local output, status = process.lua(([[
    package.cpath = %q
    local ok, message = pcall(require, "pcap")
    io.write(tostring(message))
    os.exit(ok and 1 or 0)
  ]]):format(cpath))
  assert.equal(0, status, output)
  return output
end

describe("Loading the shim", function()
  it("names, when it is not found, every path that was tried and what to do", function()
    local message = failure("./nowhere/?.so;/not/here/?.so;./deeper/?/core.so")
    for _, path in ipairs { "./nowhere/pcap/shim.so", "/not/here/pcap/shim.so",
      "./deeper/pcap/shim/core.so" } do
      assert.is_truthy(message:find("'" .. path .. "'", 1, true), path .. " is not in " .. message)
    end
    assert.matches("make", message)
  end)

  it("names, when it cannot be loaded, the file and the reason", function()
    local folder, remove = shell.folder()
    finally(remove)
    shell.run("mkdir %s/pcap", folder)
    local path = shell.write(folder .. "/pcap/shim.so", "no library at all")
    local message = failure(folder .. "/?.so")
    assert.is_truthy(message:find(path, 1, true), message)
    assert.matches("make", message)
  end)

  it("finds it through package.cpath alone, from any folder", function()
    local root = shell.run("pwd"):gsub("\n", "")
    local output = shell.run("cd / && LUA_PATH=%s LUA_CPATH=%s luajit -e %s",
      root .. "/lua/?.lua;" .. root .. "/lua/?/init.lua", root .. "/build/?.so",
      'io.write(require("pcap")._LIB_VERSION)')
    assert.equal(require("pcap")._LIB_VERSION, output)
  end)

  it("is for the rest of the process, whose threads may outlive a Lua state", function()
    assert.matches("NODELETE", (shell.run("readelf -d build/pcap/shim.so")))
  end)

  it("is asked for no other symbols than its own and libpcap's", function()
    local symbols = shell.run("nm -D --defined-only build/pcap/shim.so")
    for name in symbols:gmatch("%x+ %u ([%w_]+)") do
      assert.matches("^luapcap_", name)
    end
  end)
end)
