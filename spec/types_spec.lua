-- That lua/pcap/types.lua declares what there is: all of it, and nothing else.

local views = require "spec.support.views" -- before what it watches
local declarations = require "spec.support.declarations"
local decode = require "pcap.decode"
local fanout = require "pcap.capture.fanout"
local options = require "pcap.core.options"
local pcap = require "pcap"
local shell = require "spec.support.shell"
local walk = require "pcap.decode.walk"

local aliases, classes, text = declarations.aliases, declarations.classes, declarations.text

-- The names that users may use, of lists and of tables' keys.
local function set(...)
  local names = {}
  for _, list in ipairs { ... } do
    for key, value in pairs(list) do
      local name = type(key) == "number" and value or key
      names[name] = not name:find "^_%l" and not name:find "^__" or nil
    end
  end
  return names
end

-- The names that a pattern finds in a text, such as the keys of a table.
local function found(source, pattern)
  local names = {}
  for name in source:gmatch(pattern) do
    names[name] = true
  end
  return names
end

-- The methods that a source defines, for classes of which no object can be had here.
local function defined(file, class)
  return found(shell.read("lua/pcap/" .. file), "\nfunction " .. class .. ":(%l[%w_]*)%(")
end

local function block(file, beginning)
  return (assert(shell.read("lua/pcap/" .. file):match(beginning .. "\n(.-\n)}")))
end

local cap = assert(pcap.open_dead())

describe("lua/pcap/types.lua", function()
  local live = {
    ["pcap"] = pcap,
    ["pcap.decode"] = decode,
    ["pcap.Capture"] = require("pcap.capture").class,
    ["pcap.Dumper"] = getmetatable(assert(cap:dump_open "/dev/null")),
    ["pcap.Filter"] = getmetatable(assert(pcap.compile "ip")),
    ["pcap.Reader"] = getmetatable(assert(pcap.reader())),
    ["pcap.Layers"] = getmetatable(decode.layers()),
  }

  for name, object in pairs(live) do
    it("declares the names of " .. name .. ", and their arguments", function()
      local more = {}
      if name == "pcap.Layers" then
        more = set(decode.layers(), walk.RESULTS, views.public())
        more.spaces, more.made = nil, nil -- for decoders
      end
      assert.same(set(object, more), classes[name].names)
      for member, declared in pairs(classes[name].functions) do
        assert.equal(debug.getinfo(object[member], "u").nparams, declared.count, member)
      end
    end)
  end

  it("declares what can be had in nginx or of a device only", function()
    local resty = block("resty.lua", "\nreturn {")
    assert.same(found(resty, "([%w_]+) ="), classes["pcap.resty"].names)
    for class, file in pairs { RestyCapture = "resty/live.lua", Team = "resty/team.lua",
      Pollable = "capture/waiting.lua" } do
      assert.same(defined(file, class), classes["pcap." .. class].names)
    end
    local loop = set(defined("resty/loop.lua", "Loop"), { "capture" })
    assert.same(loop, classes["pcap.Loop"].names)
  end)

  it("declares what a packet has", function()
    local struct = block("core/cdefs.lua", "typedef struct luapcap_packet {")
    local names = set(defined("packet.lua", "Packet"), found(struct, "([%w_]+);"),
      found(block("packet.lua", "local COMPUTED = {"), "\n?  (%l+) = function"))
    names.options, names.options_length, names.flags = nil, nil, nil -- for dumpers
    assert.same(names, classes["pcap.Packet"].names)
  end)

  it("declares the fields of every header", function()
    for name, fields in pairs(views.public()) do
      assert.same(fields, classes["pcap.view." .. name].names, name)
    end
    for name in pairs(classes) do
      local view = name:match "^pcap%.view%.(.+)"
      assert.is_truthy(not view or views.public()[view], name)
    end
  end)

  it("declares every option", function()
    local read, seen = options.read, {}
    finally(function() options.read = read end)
    options.read = function(_, _, name, kinds) -- luacheck: ignore 122
      seen[name] = set(kinds)
      error "it has been seen"
    end
    for _, call in ipairs {
      function() pcap.open_live {} end, function() pcap.open_offline("x", {}) end,
      function() pcap.open_dead(1, 0, {}) end, function() pcap.reader {} end,
      function() pcap.dumper {} end, function() pcap.compile("ip", {}) end,
      function() cap:dump_open("x", {}) end, function() cap:set_fanout(1, "hash", {}) end,
    } do
      pcall(call)
    end
    seen.open = found(block("resty/live.lua", "local own_options = {"), "%f[^\n%z]  (%l[%w_]+) = ")
    seen.fanout = { id = true, type = true }
    for name, keys in pairs(seen) do
      assert.same(keys, classes["pcap.options." .. name].names, name)
    end
    assert.is_truthy(fanout.option { id = 1, type = "hash", rollover = true, defrag = true })
    for name in pairs(classes) do
      local of = name:match "^pcap%.options%.(.+)"
      assert.is_truthy(not of or seen[of], name)
    end
  end)

  it("declares the fields of results", function()
    local results = {
      Instruction = assert(pcap.compile "ip"):instructions()[1],
      ["header.ethernet"] = assert(decode.decode_ethernet(("\0"):rep(14))),
      ["header.ip"] = assert(decode.decode_ip("\x45" .. ("\0"):rep(19))),
      ["header.tcp"] = assert(decode.decode_tcp(("\0"):rep(12) .. "\x50" .. ("\0"):rep(7))),
      ["header.udp"] = assert(decode.decode_udp(("\0"):rep(8))),
    }
    for name, result in pairs(results) do
      assert.same(set(result), classes["pcap." .. name].names, name)
    end
    for _, device in ipairs(pcap.devices() or {}) do
      device.description = device.description or "none"
      assert.same(set(device), classes["pcap.Device"].names)
    end
  end)

  it("names arguments and types that are there", function()
    for name, class in pairs(classes) do
      for member, declared in pairs(class.functions) do
        assert.equal(declared.arguments, table.concat(declared.params, ", "), name .. member)
      end
      assert.is_truthy(not class.parent or classes[class.parent], name)
    end
    for line in text:gmatch "\n%-%-%-@%l+ ([^\n]+)" do
      for name in line:gsub("  .*", ""):gmatch "%f[%w_.]pcap[%w_.]*" do
        assert.is_truthy(classes[name] or aliases[name], name)
      end
    end
  end)
end)
