-- That lua/pcap/types.lua declares what there is: all of it, and nothing else.

local views = require "spec.support.views" -- before what it watches
local declarations = require "spec.support.declarations"
local decode = require "pcap.decode"
local fanout = require "pcap.capture.fanout"
local fields = require "pcap.format.pcapng_fields"
local options = require "pcap.core.options"
local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

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

-- By the last word of their names: the classes of a group.
local function declared(group)
  local names = {}
  for name, class in pairs(classes) do
    names[name:match("^pcap%." .. group .. "%.(.+)") or false] = class.names
  end
  names[false] = nil
  return names
end

local cap = assert(pcap.open_dead())
local dumper = assert(cap:dump_open("/dev/null", { format = "pcapng" }))

describe("lua/pcap/types.lua", function()
  local live = {
    ["pcap"] = pcap,
    ["pcap.decode"] = decode,
    ["pcap.Capture"] = require("pcap.capture").class,
    ["pcap.Dumper"] = getmetatable(dumper),
    ["pcap.Recorder"] = getmetatable(assert(pcap.recorder { bytes = 1 })),
    ["pcap.Filter"] = getmetatable(assert(pcap.compile "ip")),
    ["pcap.Reader"] = getmetatable(assert(pcap.reader())),
    ["pcap.Layers"] = getmetatable(decode.layers()),
  }

  for name, object in pairs(live) do
    it("declares the names of " .. name .. ", and their arguments", function()
      local more = {}
      if name == "pcap.Layers" then
        more = set(decode.layers(), require("pcap.decode.walk").RESULTS, views.public())
        more.spaces, more.made = nil, nil -- for decoders
      end
      assert.same(set(object, more), classes[name].names)
      for member, stub in pairs(classes[name].functions) do
        assert.equal(debug.getinfo(object[member], "u").nparams, stub.count, member)
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
    assert.same(set(defined("resty/loop.lua", "Loop"), { "capture" }), classes["pcap.Loop"].names)
  end)

  it("declares what a packet has", function()
    local names = set(defined("packet.lua", "Packet"),
      found(block("core/cdefs.lua", "typedef struct luapcap_packet {"), "([%w_]+);"),
      found(block("packet.lua", "local COMPUTED = {"), "\n?  (%l+) = function"))
    names.options_start, names.options_length, names.flags = nil, nil, nil -- for dumpers
    assert.same(names, classes["pcap.Packet"].names)
  end)

  it("declares the fields of every header", function()
    assert.same(views.public(), declared "view")
  end)

  it("declares every option", function()
    local recorder = assert(pcap.recorder { bytes = 1 })
    local read, seen = options.read, {}
    local reader = assert(pcap.reader():feed(savefile.header()))
    finally(function() options.read = read end)
    options.read = function(_, _, name, kinds) -- luacheck: ignore 122
      seen[name] = set(kinds)
      error "it has been seen"
    end
    for _, call in ipairs {
      { pcap.open_live, {} }, { pcap.open_offline, "x", {} }, { pcap.open_dead, 1, 0, {} },
      { pcap.reader, {} }, { pcap.dumper, {} }, { pcap.compile, "ip", {} },
      { cap.dump_open, cap, "x", {} }, { pcap.recorder, {} },
      { recorder.save, recorder, "x", {} }, { dumper.dump, dumper, "x", {} },
      { dumper.add_interface, dumper, {} }, { cap.set_fanout, cap, 1, "hash", {} },
      { cap.seek, cap, {} }, { pcap.merge, { assert(reader:capture()) }, {} },
    } do
      pcall(unpack(call))
    end
    seen.open = found(block("resty/options.lua", "local own_options = {"),
      "%f[^\n%z]  (%l[%w_]+) = ")
    seen.follow = found(block("resty/options.lua", "resty_options.FOLLOW_OPTIONS = {"),
      "%f[^\n%z]  (%l[%w_]+) = ")
    seen.section = set(require("pcap.sink.pcapng").SECTION)
    seen.rotate = set(require("pcap.sink.rotating").OPTIONS)
    seen.start = set(require("pcap.resty.options").LOOP_OPTIONS)
    seen.fanout = { id = true, type = true }
    assert.same(seen, declared "options")
    assert.is_truthy(fanout.option { id = 1, type = "hash", rollover = true, defrag = true })
  end)

  it("declares the fields of results", function()
    local zeros = ("\0"):rep(14)
    assert.same({
      ethernet = set(assert(decode.decode_ethernet(zeros))),
      ip = set(assert(decode.decode_ip("\x45" .. zeros .. zeros))),
      tcp = set(assert(decode.decode_tcp(zeros:sub(1, 12) .. "\x50" .. zeros))),
      udp = set(assert(decode.decode_udp(zeros))),
    }, declared "header")
    assert.same(set(pcap.compile("ip"):instructions()[1]), classes["pcap.Instruction"].names)
    for _, device in ipairs(pcap.devices() or {}) do
      device.description = device.description or "none"
      assert.same(set(device), classes["pcap.Device"].names)
    end
  end)

  it("declares what a file tells of its interfaces and section", function()
    local function told(known)
      local names = {}
      for _, field in pairs(known) do names[#names + 1] = field[1] end
      return names
    end
    assert.same(set(cap:interfaces()[1], told(fields.INTERFACE), told(fields.STATISTICS),
      { "comment", "index", "capture" }), classes["pcap.Interface"].names)
    assert.same(set(cap:section(), told(fields.SECTION), { "comment", "major", "minor", "length" }),
      classes["pcap.Section"].names)
  end)

  it("names arguments and types that are there", function()
    for name, class in pairs(classes) do
      for member, stub in pairs(class.functions) do
        assert.equal(stub.arguments, table.concat(stub.params, ", "), name .. ": " .. member)
      end
    end
    for line in text:gmatch "\n%-%-%-@%l+ ([^\n]+)" do
      for name in line:gsub("  .*", ""):gsub('"[^"]*"', ""):gmatch "%f[%w_.]pcap[%w_.]*" do
        assert.is_truthy(classes[name] or aliases[name], name)
      end
    end
  end)
end)
