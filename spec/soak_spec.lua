-- A form of `make soak` that takes two minutes.

local command = require "spec.support.command"
local net = require "spec.support.net"
local shell = require "spec.support.shell"

describe("make soak #nginx #live", function()
  it("finds each packet, once, and that nothing grows", function()
    if not net.require_privilege(pending) then return end
    shell.needs("nginx", "tcpdump")
    command.needs()
    local output, status = shell.try "luajit bench/soak.lua 110 own none,vanish,reload,kill"
    assert.equal(0, status, output)
    for _, event in ipairs { "none", "vanish", "reload", "kill" } do
      local rounds, lost = output:match("\n" .. event
        .. ": (%d+) rounds of 100000 packets, (%d+) lost, 0 seen twice\n")
      assert.is_truthy(rounds, output)
      -- On a quiet machine no reload loses any, and a killed worker's end loses some 150.
      local most = (event == "none" or event == "vanish") and 0 or 2000 * rounds
      assert.is_true(tonumber(lost) <= most, output)
    end
    assert.matches("recorded into files that rotate: 0 lost\n", output)
    assert.matches(" 0 HTTP requests failed\n", output)
  end)
end)
