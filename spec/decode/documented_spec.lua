-- That docs/decoding.md tells every field of every view, and every link type that is decoded.

local views = require "spec.support.views" -- before what it watches
require "pcap.decode"
local dispatch = require "pcap.decode.dispatch"
local pcap = require "pcap"
local shell = require "spec.support.shell"

local text = shell.read "docs/decoding.md"

-- The lines that tell of a view: each has its name in backquotes.
local function lines_of(name)
  local lines = {}
  for line in text:gmatch("[^\n]+") do
    if line:find("`" .. name .. "`", 1, true) then
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n")
end

describe("docs/decoding.md", function()
  for name, fields in pairs(views.public()) do
    it("tells of every field of " .. name, function()
      local lines = lines_of(name)
      assert.is_true(#lines > 0)
      for field in pairs(fields) do
        assert.is_truthy(lines:find("`" .. field .. "`", 1, true), field)
      end
    end)
  end

  it("names every link type that is decoded, in its table", function()
    local rows = text:match("### Link types\n(.-)\nAll others")
    for linktype in pairs(dispatch.linktype) do
      local name = pcap.DLT[linktype] or linktype == 101 and "RAW" or linktype == 14 and "RAW"
      if name then -- a libpcap may be older than the link type
        assert.is_truthy(rows:find("%f[%w_]" .. name .. "%f[^%w_]"), name)
      end
    end
  end)

  it("has a line for each link type of libpcap", function()
    local section = text:match("### Link types\n(.-)\nFragments are not")
    local is_named, names, count = {}, {}, 0
    for name, linktype in pairs(pcap.DLT) do
      if type(name) == "string" and type(linktype) == "number" then
        names[linktype] = (names[linktype] or "") .. " " .. name
        is_named[linktype] = is_named[linktype]
          or section:find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil
        count = count + 1
      end
    end
    for linktype, named in pairs(is_named) do
      assert.is_true(named, names[linktype])
    end
    assert.is_true(count > 150)
  end)

  it("names no other as decoded", function()
    local others = text:match("All others are payload.-:(.-)\n\n")
    local count = 0
    for name in others:gmatch("[%w_]+") do
      local linktype = pcap.DLT[name]
      assert.is_nil(linktype and dispatch.linktype[linktype], name)
      count = count + 1
    end
    assert.is_true(count > 100)
  end)
end)
