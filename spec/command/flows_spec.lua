local command = require "spec.support.command"
local frames = require "spec.support.frames"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

-- A conversation as "A B packets A>B bytes A>B packets B>A bytes B>A first duration", its ends in
-- their order.
local function row(a, b, there, back, first, duration)
  if a > b then
    a, b, there, back = b, a, back, there
  end
  return ("%s %s %d %d %d %d %.2f %.2f"):format(a, b, there[1], there[2], back[1], back[2], first,
    duration)
end

-- What tshark says: A, B, packets and bytes from B and from A and in all, begin, duration. Nil if
-- it rounds, or counts a connection that uses ports again apart, as newer ones do.
local function judged(path, protocol)
  local rows, seen = {}, {}
  local output = shell.run("tshark -q -n -z conv,%s -r %s 2>/dev/null", protocol, path)
  for _, line in ipairs(command.lines(output)) do
    local a, b, numbers = line:match "^(%S+) <%-> (%S+) (.*)$"
    if a then
      local ends = a < b and a .. b or b .. a
      if numbers:find "kB" or seen[ends] then
        return nil
      end
      seen[ends] = true
      local back_packets, back_bytes, packets, bytes, first, duration = numbers:gsub(" bytes", "")
        :match "^(%d+) (%d+) (%d+) (%d+) %d+ %d+ (%S+) (%S+)"
      rows[#rows + 1] = row(a, b, { packets, bytes }, { back_packets, back_bytes }, first, duration)
    end
  end
  table.sort(rows)
  return rows
end

local function ours(path, protocol)
  local rows = {}
  for _, line in ipairs(command.lines(command.run("flows -r %s", path))) do
    local cells = {}
    for cell in line:gmatch "%S+" do cells[#cells + 1] = cell end
    if cells[1] == protocol then
      local a, b = cells[2]:gsub("%.(%d+)$", ":%1"), cells[3]:gsub("%.(%d+)$", ":%1")
      assert.equal(tonumber(cells[4]), cells[6] + cells[8])
      assert.equal(tonumber(cells[5]), cells[7] + cells[9])
      rows[#rows + 1] = row(a, b, { cells[6], cells[7] }, { cells[8], cells[9] }, cells[10],
        cells[11])
    end
  end
  table.sort(rows)
  return rows
end

describe("pcap flows", function()
  local folder, remove

  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  it("adds up as tshark does, in files made here", function()
    local packets = {}
    for i = 1, 30 do
      local is_back, port = i % 3 == 0, 1000 + i % 5
      local src, dst = frames.SRC4, frames.DST4
      local segment = (i % 2 == 0 and frames.udp or frames.tcp)(("x"):rep(i),
        { sport = is_back and 80 or port, dport = is_back and port or 80 })
      packets[i] = frames.ethernet(0x0800, frames.ipv4(i % 2 == 0 and 17 or 6, segment,
        is_back and { src = dst, dst = src } or {}))
    end
    local v6 = frames.udp("six", { v6 = true, sport = 5, dport = 6 })
    packets[31] = frames.ethernet(0x86dd, frames.ipv6(17, v6))
    local path = command.write(folder .. "/flows.pcap", packets)
    for _, protocol in ipairs { "tcp", "udp" } do
      local expected = judged(path, protocol)
      assert.is_true(#expected >= 5)
      assert.same(expected, ours(path, protocol))
    end
  end)

  local on_captures = command.may_have_captures() and it or function() end
  on_captures("adds up as tshark does, in real captures", function()
    if #savefile.real() == 0 then shell.skip "needs real captures" end
    local compared = 0
    for _, path in ipairs(savefile.real()) do
      if path:find "http%-get" or path:find "/tcp%-" or path:find "dns%-long" then
        for _, protocol in ipairs { "tcp", "udp" } do
          local expected = judged(path, protocol)
          if expected then
            assert.same(expected, ours(path, protocol), path)
            compared = compared + #expected
          end
        end
      end
    end
    assert.is_true(compared > 5, compared)
  end)

  it("sorts by what is asked for", function()
    local function udp(port, size) return command.udp(port, ("x"):rep(size)) end
    local path = command.write(folder .. "/sort.pcap",
      { udp(1, 10), udp(2, 500), udp(3, 10), udp(3, 10), udp(1, 10), udp(3, 10) })
    for field, ports in pairs { bytes = "2 3 1", packets = "3 1 2", first = "1 2 3",
      duration = "1 3 2" } do
      local found = {}
      for port in command.run("flows --sort %s -r %s", field, path):gmatch "198.51.100.200.(%d)" do
        found[#found + 1] = port
      end
      assert.equal(ports, table.concat(found, " "), field)
    end
  end)
end)
