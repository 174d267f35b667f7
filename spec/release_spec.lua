local checkout = require "spec.support.checkout"
local shell = require "spec.support.shell"

local VERSION = require("pcap")._VERSION

describe("make release", function()
  local folder, remove, source

  local function git(command, ...)
    return shell.run(checkout.ENVIRONMENT .. "cd " .. shell.quote(source) .. " && git " .. command,
      ...)
  end

  local function release(version)
    return shell.try(checkout.ENVIRONMENT
      .. "make -C %s --no-print-directory release VERSION=%s", source, version)
  end

  -- Replaces the first `old` in a file by `new`, both plain.
  local function replace(name, old, new)
    local text = shell.read(source .. "/" .. name)
    local first, last = text:find(old, 1, true)
    shell.write(source .. "/" .. name, text:sub(1, first - 1) .. new .. text:sub(last + 1))
  end

  local function assert_refused(why, version)
    local output, status = release(version or VERSION)
    assert.is_true(status > 0)
    assert.truthy(output:find(why, 1, true), output)
    assert.equal("", git "tag")
  end

  -- A repository that may be released.
  before_each(function()
    folder, remove = shell.folder()
    source = folder .. "/source"
    checkout.make(source)
    shell.write(source .. "/CHANGELOG.md", ("# Changelog\n\n## %s - 2026-01-02\n"):format(VERSION))
    git "commit -q -a -m 'A release'"
  end)
  after_each(function() remove() end)

  it("tags and packs what is committed", function()
    local output, status = release(VERSION)
    assert.equal(0, status, output)
    assert.equal("v" .. VERSION .. "\n", git "tag")
    local packed = shell.run("tar tzf %s/build/pcap-%s.tar.gz", source, VERSION)
    assert.truthy(packed:find(("pcap-%s/lua/pcap/init.lua\n"):format(VERSION), 1, true))
    -- Once.
    assert.matches("the tag v[%d.]+ exists", (release(VERSION)))
  end)

  it("refuses what is not a version", function()
    for _, version in ipairs { "", "1", "1.0", "v1.0.0", "1.0.0-1" } do
      assert_refused("Say which version", version)
    end
  end)

  it("refuses another version than the module's", function()
    assert_refused("lua/pcap/init.lua tells version " .. VERSION, "7.0.0")
    assert_refused("pcap-7.0.0-1.rockspec is not what", "7.0.0")
    assert_refused("CHANGELOG.md begins with", "7.0.0")
    assert_refused("debian/changelog begins with", "7.0.0")
  end)

  it("refuses a rockspec that differs", function()
    replace(("pcap-%s-1.rockspec"):format(VERSION), "MIT", "BSD")
    replace("pcap-scm-1.rockspec", "https", "ftp")
    git "commit -q -a -m 'Changes'"
    assert_refused(("pcap-%s-1.rockspec is not what"):format(VERSION))
    assert_refused "pcap-scm-1.rockspec is not what"
    -- It says how to mend that.
    shell.run("cd %s && make rockspecs", source)
    assert.equal("", git "diff HEAD~1 -- '*.rockspec'")
  end)

  it("refuses where the changes are not released yet, or not dated", function()
    for _, heading in ipairs { "Unreleased", VERSION } do
      shell.write(source .. "/CHANGELOG.md", "# Changelog\n\n## " .. heading .. "\n\n### Added\n")
      git "commit -q -a -m 'Changes'"
      assert_refused(("CHANGELOG.md begins with '## %s'"):format(heading))
    end
  end)

  it("refuses where something is not committed", function()
    shell.write(source .. "/new", "")
    assert_refused "not all is committed"
  end)
end)
