local declarations = require "spec.support.declarations"
local pcap = require "pcap"
local savefile = require "spec.support.savefile"
local shell = require "spec.support.shell"

local readme = shell.read("README.md")
-- Guides for who comes from elsewhere name what was there.
local manual = readme
  .. shell.run("cat docs/*.md docs/reference/*.md $(ls docs/guide/*.md | grep -v /from-)")

-- What stands before the colon of a method in the manual, by the class in the sources; false for
-- one that no user has.
local OBJECTS = {
  Capture = "cap", Dumper = "dumper", Filter = "filter", Packet = "pkt", Reader = "reader",
  Pollable = "pollable", Layers = "layers",
  RestyCapture = "cap", Loop = "loop", Team = "team",
  Stream = "dumper", Rotating = "dumper", Recorder = "recorder",
  Index = false, Pieces = false, Writer = false, Series = false, Section = false, Counts = false,
  Errand = false,
}

local function public_methods()
  local names = {}
  for source in shell.run("find lua -name '*.lua' -not -path '*/format/*'"):gmatch "[^\n]+" do
    for class, name in shell.read(source):gmatch "\nfunction (%u%w+):(%l[%w_]*)%(" do
      local object = OBJECTS[class]
      assert(object ~= nil, class .. " has no name in the manual")
      if object then
        names[#names + 1] = object .. ":" .. name
      end
    end
  end
  -- Some of the methods of captures are made from tables.
  for name, value in pairs(require("pcap.capture").class) do
    if name:find "^%l" and type(value) == "function" then
      names[#names + 1] = "cap:" .. name
    end
  end
  return names
end

-- The anchors that a forge makes of a page's headings.
local function anchors(path)
  local names = {}
  for heading in ("\n" .. shell.read(path)):gmatch "\n#+ ([^\n]+)" do
    names[heading:lower():gsub("[^%w_%- ]", ""):gsub(" ", "-")] = true
  end
  return names
end

describe("The manual", function()
  it("documents every name of the module", function()
    for name in pairs(pcap) do
      assert.is_truthy(manual:find("pcap." .. name, 1, true), "pcap." .. name .. " is missing")
    end
  end)

  it("has an index of all names, each with a page that has it", function()
    local pages = {}
    for name, page in shell.read("docs/reference/README.md"):gmatch "| `([%w.:_]+)` | %b[](%b())" do
      local text = shell.read("docs/reference/" .. page:sub(2, -2))
      assert.is_truthy(text:find(name, 1, true), name .. " is not in " .. page)
      pages[name] = page
    end
    local names = public_methods()
    for name in pairs(pcap) do
      names[#names + 1] = "pcap." .. name
    end
    for name in pairs(require "pcap.decode") do
      names[#names + 1] = "decode." .. name
    end
    for name in pairs(declarations.classes["pcap.resty"].functions) do
      names[#names + 1] = "live." .. name
    end
    for name in pairs(declarations.classes["pcap.Recorder"].names) do
      names[#names + 1] = "recorder:" .. name
    end
    for _, name in ipairs(names) do
      assert.is_truthy(pages[name], name .. " is not in the index")
    end
  end)

  it("links to what is there", function()
    for path in shell.run "ls README.md docs/*.md docs/reference/*.md":gmatch "[^\n]+" do
      for link, anchor in shell.read(path):gmatch "%]%(([^)#]*)#?([^)]*)%)" do
        local target = link == "" and path or path:gsub("[^/]*$", "") .. link
        if not link:find "^https?:" then
          local file = assert.is_truthy(io.open(target), path .. " links to " .. target)
          file:close()
          if anchor ~= "" then
            assert.is_truthy(anchors(target)[anchor], path .. " links to #" .. anchor)
          end
        end
      end
    end
  end)

  it("documents every method", function()
    local methods = public_methods()
    assert.is_true(#methods > 15)
    for _, name in ipairs(methods) do
      assert.is_truthy(manual:find(name .. "(", 1, true), name .. " is missing")
    end
  end)

  it("documents nothing that is not there", function()
    local there = {}
    for _, name in ipairs(public_methods()) do
      there[name] = true
      there[name:gsub("^dumper:", "recorder:")] = true -- a recorder is a dumper
    end
    for object, name in manual:gmatch "%f[%w](%l+):([%l_]+)%(" do
      for _, known in pairs(OBJECTS) do
        if object == known then
          assert.is_true(there[object .. ":" .. name], object .. ":" .. name .. " is not there")
        end
      end
    end
    for name in pairs(require "pcap.decode") do
      assert.is_truthy(manual:find("decode." .. name, 1, true), "decode." .. name .. " is missing")
    end
    for name in manual:gmatch "%f[%w]pcap%.([%l_]+)%(" do
      assert.is_function(pcap[name], "pcap." .. name .. " is not there")
    end
  end)

  it("has examples that are Lua, and a synopsis that copies what it says", function()
    local blocks = {}
    for block in manual:gmatch "```lua\n(.-)```" do
      blocks[#blocks + 1] = block
      assert(loadstring(block, "=README.md"))
    end
    local folder, remove = shell.folder()
    finally(remove)
    local http = ("\0"):rep(12) .. "\8\0\x45" .. ("\0"):rep(8) .. "\6" .. ("\0"):rep(10)
      .. "\0\80\4\0" .. ("\0"):rep(16)
    shell.write(folder .. "/in.pcap", savefile.header() .. savefile.record(http, { sec = 5 })
      .. savefile.record(("\0"):rep(60)))
    shell.write(folder .. "/synopsis.lua", blocks[1])
    local root = shell.run("pwd"):gsub("\n", "")
    local printed = shell.run("cd %s && LUA_PATH=%s LUA_CPATH=%s luajit synopsis.lua", folder,
      root .. "/lua/?.lua;" .. root .. "/lua/?/init.lua", root .. "/build/?.so")
    assert.equal(("5\t%d\t%d\n"):format(#http, #http), printed)
    shell.needs "tcpdump"
    assert.equal("1\n", shell.run("tcpdump -r %s/out.pcap 2>/dev/null | wc -l", folder))
  end)

  it("names the commands that the Makefile has", function()
    for target in readme:gmatch "[`\n]make (%l[%l-]+)" do
      local _, status = shell.try("make -n %s", target)
      assert.equal(0, status, "make " .. target)
    end
  end)
end)
