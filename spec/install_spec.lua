local shell = require "spec.support.shell"

-- Requires the module from a folder of its own with nothing of this environment, and uses it.
local SCRIPT = [[
  local pcap = require "pcap"
  assert(pcap.compile("tcp port 80"):match("") == false)
  io.write(package.searchpath("pcap", package.path), "\n",
    package.searchpath("pcap.shim", package.cpath), "\n")
]]

local function require_from(share, lib)
  return shell.run("cd / && env -i PATH=%s LUA_PATH=%s LUA_CPATH=%s luajit -e %s",
    os.getenv "PATH", share .. "/?.lua;" .. share .. "/?/init.lua", lib .. "/?.so", SCRIPT)
end

describe("an installed module", function()
  local folder, remove

  before_each(function() folder, remove = shell.folder() end)
  after_each(function() remove() end)

  it("works from where `make install` puts it under PREFIX", function()
    shell.run("make install PREFIX=%s", folder)
    assert.equal(
      ("%s/share/lua/5.1/pcap/init.lua\n%s/lib/lua/5.1/pcap/shim.so\n"):format(folder, folder),
      require_from(folder .. "/share/lua/5.1", folder .. "/lib/lua/5.1"))
  end)

  it("is staged under DESTDIR, every file of lua/ and nothing else", function()
    shell.run("make install PREFIX=/usr DESTDIR=%s", folder)
    local installed = shell.run("cd %s/usr/share/lua/5.1 && find . -type f | sort", folder)
    assert.equal(shell.run("cd lua && find . -type f | sort"), installed)
    assert.equal("./shim.so\n", shell.run("cd %s/usr/lib/lua/5.1/pcap && find . -type f", folder))
  end)

  it("works as a rock, made without a network", function()
    -- In a copy: a rock's flags may differ from those of what is built here.
    shell.run("cp -r Makefile LICENSE README.md *.rockspec lua shim scripts %s", folder)
    shell.run("cd %s && luarocks --lua-version 5.1 --tree tree make --deps-mode none", folder)
    local tree = folder .. "/tree/"
    assert.equal(tree .. "share/lua/5.1/pcap/init.lua\n" .. tree .. "lib/lua/5.1/pcap/shim.so\n",
      require_from(tree .. "share/lua/5.1", tree .. "lib/lua/5.1"))
    assert.equal(shell.run("cd lua && find . -type f | sort"),
      shell.run("cd %s/tree/share/lua/5.1 && find . -type f | sort", folder))
  end)
end)
