-- A short form of `make soak`.

local command = require "spec.support.command"
local net = require "spec.support.net"
local shell = require "spec.support.shell"

describe("make soak #nginx #live", function()
  it("finds each packet, once, and that nothing grows", function()
    if not net.require_privilege(pending) then return end
    shell.needs("nginx", "tcpdump")
    command.needs()
    local output, status = shell.try "luajit bench/soak.lua 1 own none,vanish,reload"
    assert.equal(0, status, output)
    assert.matches("none: %d rounds of 100000 packets, 0 lost, 0 seen twice\n", output)
    assert.matches("vanish: %d rounds of 100000 packets, 0 lost, 0 seen twice\n", output)
    local lost = output:match "reload: 1 rounds of 100000 packets, (%d+) lost, 0 seen twice\n"
    -- None on a quiet machine.
    assert.is_true(tonumber(lost) < 2000, output)
    assert.matches("recorded into files that rotate: 0 lost\n", output)
    assert.matches(" 0 HTTP requests failed\n", output)
  end)
end)
