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

  it("brings the command, which finds the module beside itself", function()
    shell.run("make install PREFIX=%s", folder)
    local output = shell.run("cd / && env -i PATH=%s %s/bin/pcap --version", os.getenv "PATH",
      folder)
    assert.equal(("pcap %s\n"):format(require("pcap")._VERSION), output:match "^[^\n]*\n")
    shell.run("make uninstall PREFIX=%s", folder)
    assert.equal("", shell.run("find %s -type f", folder))
  end)

  it("is staged under DESTDIR: the module, the licence and the documents", function()
    shell.run("make install PREFIX=/usr DESTDIR=%s", folder)
    local installed = shell.run("cd %s/usr/share/lua/5.1 && find . -type f | sort", folder)
    assert.equal(shell.run("cd lua && find . -type f | sort"), installed)
    assert.equal("./shim.so\n", shell.run("cd %s/usr/lib/lua/5.1/pcap && find . -type f", folder))
    shell.run("cmp LICENSE %s/usr/share/doc/pcap/LICENSE", folder)
    -- What the README's links name is there too.
    for link in shell.read(folder .. "/usr/share/doc/pcap/README.md"):gmatch "%]%(([^)#]+)" do
      if not link:find ":" and link ~= "CONTRIBUTING.md" then
        shell.run("test -e %s/usr/share/doc/pcap/%s", folder, link)
      end
    end
  end)

  it("is removed by `make uninstall`, and what others put there stays", function()
    shell.run("make install PREFIX=/usr DESTDIR=%s", folder)
    shell.run("cd %s/usr/share/lua/5.1 && echo mine | tee other.lua pcap/mine.lua resty/mine.lua",
      folder)
    shell.run("make uninstall PREFIX=/usr DESTDIR=%s", folder)
    assert.equal("./other.lua\n./pcap/mine.lua\n./resty/mine.lua\n",
      shell.run("cd %s/usr/share/lua/5.1 && find . -type f | sort", folder))
    shell.run("rm %s/usr/share/lua/5.1/resty/mine.lua", folder)
    shell.run("make uninstall PREFIX=/usr DESTDIR=%s", folder)
    assert.equal("./pcap\n",
      shell.run("cd %s/usr/share/lua/5.1 && find . -mindepth 1 -type d", folder))
    assert.equal("", shell.run("find %s -name pcap -path '*doc*' -o -name decode", folder))
  end)

  it("is built with the user's flags, and never fails for a warning", function()
    shell.run("cp -r Makefile lua shim %s", folder)
    -- Warnings that the sources do have, and settings that the module needs otherwise.
    local output = shell.run("make -C %s CFLAGS='-O0 -Wconversion -Wundef -fPIE -std=gnu17' "
      .. "CPPFLAGS='-DMINE -Wtraditional' LDFLAGS='-Wl,-z,defs -Wl,-z,now'", folder)
    assert.truthy(output:find("warning:", 1, true))
    assert.truthy(output:find("-DMINE", 1, true) and output:find("-Wl,-z,now", 1, true))
    assert.equal(folder .. "/lua/pcap/init.lua\n" .. folder .. "/build/pcap/shim.so\n",
      require_from(folder .. "/lua", folder .. "/build"))
  end)

  it("says to a BSD make that the Makefile is for GNU make", function()
    local bsd_make = shell.has "bmake" and "bmake" or shell.skip "needs bmake"
    for _, target in ipairs { "", " test", " install" } do
      -- MAKEFLAGS may hold flags of the GNU make that runs the specs.
      local output, status = shell.try("env -u MAKEFLAGS " .. bsd_make .. target)
      assert.is_true(status > 0)
      assert.matches("^[^\n]*This Makefile is for GNU make[^\n]*\n*$", output)
    end
  end)
end)
