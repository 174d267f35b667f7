local command = require "spec.support.command"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local text = shell.read "docs/command.md"

-- A folder with links to the captures of the manual's outputs.
local function with_captures()
  local folder, remove = shell.folder()
  for _, path in ipairs(savefile.real()) do
    shell.run("ln -sf %s %s/", path:find "^/" and path or shell.run "pwd":sub(1, -2) .. "/" .. path,
      folder)
  end
  return folder, remove
end

describe("docs/command.md, and the manual page,", function()
  local on_captures = command.may_have_captures() and it or function() end
  on_captures("shows what the command prints", function()
    if #savefile.real() == 0 then shell.skip "needs real captures" end
    command.run "--version"
    local folder, remove = with_captures()
    finally(remove)
    local root, shown = shell.run "pwd":sub(1, -2), 0
    for words, expected in text:gmatch "```console\n%$ pcap ([^\n]*)\n(.-)```" do
      local output = shell.run("cd %s && TZ=UTC %s/bin/pcap " .. words:gsub("%%", "%%%%"), folder,
        root)
      assert.equal(expected, output, words)
      shown = shown + 1
    end
    assert.is_true(shown >= 11, shown)
  end)

  it("names every subcommand", function()
    for name in shell.run("cd lua/pcap/command && ls"):gmatch "([^\n]+)%.lua" do
      assert.is_truthy(text:find("\n## pcap " .. name .. "\n", 1, true), name)
      assert.is_truthy(shell.read "bin/pcap.1":find("\n.TP\n.B " .. name .. "\n", 1, true), name)
      assert.is_truthy(text:find(("| [`pcap %s`](#pcap-%s) |"):format(name, name), 1, true), name)
    end
  end)

  it("names the options that subcommands have in common, and no others", function()
    local usage = command.run "flows --help":match "^(.-)\n\n"
    local list = text:match "\n| option |.-\n\n"
    local own = { ["-h"] = true, ["--sort"] = true }
    for option in usage:gmatch "%[(%-[%w-]+)" do
      assert.is_truthy(own[option] or list:find("\n| `" .. option, 1, true), option)
    end
    for option in list:gmatch "\n| `(%-[%w-]+)" do
      assert.is_truthy(usage:find("[" .. option, 1, true), option)
    end
  end)

  it("has a subcommand to begin from that works", function()
    local folder, remove = shell.folder()
    finally(remove)
    shell.run("cp -r bin lua build %s", folder)
    shell.write(folder .. "/lua/pcap/command/sizes.lua", text:match "```lua\n(.-)```")
    local path = command.write(folder .. "/in.pcap",
      { command.udp(53, "abc"), command.udp(123, "a") })
    assert.equal("45\n43\n", shell.run("env -u LUA_PATH %s/bin/pcap sizes -r %s", folder, path))
    assert.equal("43\n",
      shell.run("env -u LUA_PATH %s/bin/pcap sizes --wire -r %s port 123", folder, path))
  end)
end)
