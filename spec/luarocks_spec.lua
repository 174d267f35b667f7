local checkout = require "spec.support.checkout"
local shell = require "spec.support.shell"

local VERSION = require("pcap")._VERSION
local VERSIONED = ("pcap-%s-1"):format(VERSION)

-- Requires the module from a tree with nothing of this environment, and uses it.
local SCRIPT = [[
  local pcap = require "pcap"
  assert(pcap.compile("tcp port 80"):match("") == false)
  io.write(package.searchpath("pcap", package.path), "\n",
    package.searchpath("pcap.shim", package.cpath), "\n")
]]

describe("a rock, without a network", function()
  local folder, remove, home

  -- Where the rockspec's address leads is our repository. No server is asked. Nothing is optimized,
  -- because a quick build says as much.
  local function luarocks(arguments, ...)
    return shell.run(checkout.ENVIRONMENT .. ("export HOME=%s GIT_CONFIG_COUNT=1 "
      .. "GIT_CONFIG_KEY_0=url.file://%s/source.insteadOf GIT_CONFIG_VALUE_0=%s; cd %s; "
      .. "luarocks --lua-version 5.1 --only-server %s/none --tree %s/tree "):format(
        folder, folder, home, folder .. "/source", folder, folder) .. arguments, ...)
  end

  local function assert_works()
    local tree = folder .. "/tree"
    assert.equal(
      ("%s/share/lua/5.1/pcap/init.lua\n%s/lib/lua/5.1/pcap/shim.so\n"):format(tree, tree),
      shell.run("cd / && env -i PATH=%s LUA_PATH=%s LUA_CPATH=%s luajit -e %s", os.getenv "PATH",
        tree .. "/share/lua/5.1/?.lua;" .. tree .. "/share/lua/5.1/?/init.lua",
        tree .. "/lib/lua/5.1/?.so", SCRIPT))
    assert.matches("^pcap " .. VERSION:gsub("%.", "%%.") .. "\n",
      shell.run("cd / && env -i PATH=%s %s/bin/pcap --version", os.getenv "PATH", tree))
    assert.equal(shell.run("cd lua && find . -type f | sort"),
      shell.run("cd %s/share/lua/5.1 && find . -type f | sort", tree))
  end

  -- All that a rock puts somewhere is its own, and goes with it.
  local function assert_removed()
    luarocks "remove pcap"
    assert.equal("", shell.run("cd %s/tree && find . -type f ! -name manifest", folder))
  end

  before_each(function()
    shell.needs("luarocks", "git")
    folder, remove = shell.folder()
    checkout.make(folder .. "/source")
    home = shell.read(VERSIONED .. ".rockspec"):match '"git%+(.-)"'
  end)
  after_each(function() remove() end)

  it("is made, packed, installed from the pack, and removed", function()
    luarocks("make --deps-mode none %s CFLAGS=-O0", VERSIONED .. ".rockspec")
    assert_works()
    local documents = folder .. "/tree/lib/luarocks/rocks-5.1/pcap/" .. VERSION .. "-1/"
    shell.run("cd %s && ls doc/README.md doc/docs/decoding.md examples/dump.lua", documents)
    luarocks "pack pcap"
    assert_removed()
    luarocks("install --deps-mode none %s.*.rock", VERSIONED)
    assert_works()
    assert_removed()
  end)

  it("is packed from the rockspec's address and tag, and built from that", function()
    shell.run(checkout.ENVIRONMENT .. "cd %s/source && git tag %s && git rm -q -r lua "
      .. "&& git commit -q -m 'Not in the rock'", folder, "v" .. VERSION)
    luarocks("pack %s", VERSIONED .. ".rockspec")
    luarocks("install --deps-mode none %s CFLAGS=-O0", VERSIONED .. ".src.rock")
    assert_works()
    assert_removed()
  end)

  it("of the repository's main branch is packed by a rockspec of its own", function()
    shell.run(checkout.ENVIRONMENT .. "cd %s/source && echo new > new && git add new "
      .. "&& git commit -q -m new", folder)
    luarocks "pack pcap-scm-1.rockspec"
    luarocks "unpack pcap-scm-1.src.rock"
    shell.run("find %s/source/pcap-scm-1 -name new | grep -q new", folder)
  end)

  it("runs the specs with `luarocks test`", function()
    shell.run("mkdir %s/source/build && cp -r build/pcap build/dlt_names.inc %s/source/build",
      folder, folder)
    assert.matches("\n%d+ passed, 0 failed", luarocks "test -- SPECS=spec/dlt_spec.lua")
  end)
end)

describe("the rockspecs", function()
  it("pass `luarocks lint`", function()
    shell.run("luarocks --lua-version 5.1 lint %s", VERSIONED .. ".rockspec")
    shell.run "luarocks --lua-version 5.1 lint pcap-scm-1.rockspec"
  end)
end)

describe("Lua that is not LuaJIT", function()
  it("is told that the module needs LuaJIT", function()
    shell.needs "lua5.1"
    local output, status = shell.try "lua5.1 -e 'require \"pcap\"'"
    assert.equal(1, status)
    assert.matches("^lua5.1: pcap: needs LuaJIT, and this is Lua 5.1", output)
  end)
end)
