-- The demo in examples/openresty, as its reader sees it: in a browser.

local net = require "spec.support.net"
local nginx = require "spec.support.nginx"
local shell = require "spec.support.shell"

local MODULES = "build/browser/node_modules"

describe("the demo #nginx #live", function()
  it("shows live traffic, takes a filter, and shows what is wrong with a bad one", function()
    if not net.require_privilege(pending) then return end
    if not (shell.has "node" and shell.has "chromium")
      or select(2, shell.try("test -d %s/playwright-core", MODULES)) ~= 0 then
      assert.is_nil(os.getenv "PCAP_REQUIRE_LIVE", "needs chromium and playwright-core")
      return pending "needs chromium, node and playwright-core: make deps-openresty"
    end
    local server = nginx.start_demo()
    finally(function() server:remove() end)
    local output, status = shell.try("BROWSER_MODULES=$PWD/%s timeout 180 node "
      .. "spec/support/browser.mjs http://127.0.0.1:%s/ %s", MODULES, server.port,
      os.getenv "PCAP_SCREENSHOT" or "")
    assert.equal(0, status, output .. server:log())
    local steps = {}
    for step in output:gmatch "ok ([^\n]+)" do
      steps[#steps + 1] = step
    end
    assert.equal(10, #steps)
    -- What a page elsewhere could send, and what a person could.
    assert.truthy(server:get("/filter"):find("403", 1, true))
    assert.equal("a filter has no NUL bytes", shell.run(
      "printf 'tcp\\0' | curl -s -m 10 --data-binary @- http://127.0.0.1:%s/filter", server.port))
    assert.equal("", server:complaints "access forbidden by rule")
    assert.is_true(server:stop("QUIT") < 3)
  end)
end)
