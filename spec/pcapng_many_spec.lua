-- Very many of one thing in a pcapng file: the work is linear. It is counted in instructions of
-- LuaJIT's interpreter, in a process of its own, because a time would tell of the machine.

local pcapng_file = require "spec.support.pcapng_file"
local shell = require "spec.support.shell"

local COUNTED = [[
local pcap = require "pcap"
local folder, count = arg[1], tonumber(arg[2])
local work = 0
debug.sethook(function() work = work + 1 end, "", 1000)

local function drain(cap, each)
  for pkt in cap:packets() do
    if each then each(pkt) end
  end
  assert(cap:ending() == "closed", cap:ending())
end

local function copy(from)
  local cap = assert(pcap.open_offline(from, { precision = "nano" }))
  local copied = assert(cap:dump_open(folder .. "/copy", { format = "pcapng" }))
  drain(cap, function(pkt) assert(copied:dump(pkt)) end)
  assert(copied:close())
end

%s
debug.sethook()
print(work)
]]

describe("A pcapng file", function()
  local folder, remove
  setup(function() folder, remove = shell.folder() end)
  teardown(function() remove() end)

  local function work(script, count)
    return tonumber((shell.run("luajit -joff %s %s %s",
      shell.write(folder .. "/script.lua", COUNTED:format(script)), folder, tostring(count))))
  end

  local function assert_linear(script, most)
    local few, all = work(script, most / 8), work(script, most)
    assert.is_true(all < 10 * few, ("%d for %d, %d for an eighth"):format(all, most, few))
  end

  it("has 65,536 comments on a packet", function()
    assert_linear([[
      local comments, from = {}, folder .. "/comments"
      for i = 1, count do comments[i] = "comment " .. i end
      local dumper = assert(pcap.dumper { file = from, format = "pcapng" })
      assert(dumper:dump("abc", 1, 3, { comments = comments, direction = "in" }))
      assert(dumper:close())
      copy(from)
      drain(pcap.open_offline(folder .. "/copy"), function(pkt)
        assert(#pkt:copy():comments() == count and #pkt:options() == count + 1)
        assert(pkt:comment() == "comment 1" and pkt.direction == "in")
        local again = assert(pcap.dumper { file = folder .. "/again", format = "pcapng" })
        assert(again:dump(pkt, { comments = comments, direction = "out" }))
      end)]], 65536)
  end)

  it("has 100,000 interfaces", function()
    assert_linear([[
      local from = folder .. "/interfaces"
      local dumper = assert(pcap.dumper { file = from, format = "pcapng" })
      for i = 1, count do
        local number = assert(dumper:add_interface { linktype = i % 2, name = "if" .. i })
        assert(dumper:dump("abc", 1, 3, { interface = number }))
      end
      assert(dumper:close())
      copy(from)
      local cap = assert(pcap.open_offline(folder .. "/copy"))
      assert(cap:set_filter "len = 3")
      drain(cap)
      assert(#cap:interfaces() == count + 1)]], 100000)
  end)

  it("has a million empty blocks, of each type", function()
    local w = pcapng_file.writer(require("ffi").abi "be")
    local script = shell.write(folder .. "/read.lua", [[
      local cap = require("pcap").open_offline(arg[1], { blocks = true })
      for pkt in cap:packets() do io.write(pkt:bytes(), " ") end
      assert(cap:ending() == "closed", cap:ending())
      print(#cap:names() + #cap:secrets())]])
    for _, kind in ipairs { 4, 5, 10, 0xbad, 99 } do
      local parts = { w:section() .. w:interface(1, 100) .. w:packet "one",
        w:block(kind, ""):rep(1e6), w:packet "two" }
      shell.write(folder .. "/blocks", table.concat(parts))
      assert.equal("one two 0\n", shell.run("luajit %s %s", script, folder .. "/blocks"))
    end
  end)
end)
