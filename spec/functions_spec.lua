local pcap = require "pcap"
local shell = require "spec.support.shell"

-- By libpcap's function: what docs/libpcap-functions.md says of it.
local function read_table()
  local rows, order = {}, {}
  for name, here in shell.read("docs/libpcap-functions.md"):gmatch "\n| `([%w_]+)` | ([^\n]+) |" do
    assert(not rows[name], name .. " is there twice")
    rows[name] = here
    order[#order + 1] = name
  end
  return rows, order
end

-- The functions that the installed pcap.h declares, on this system.
local function declared()
  local header = shell.run("printf '#include <pcap/pcap.h>\\n' | ${CC:-cc} -E -P -")
  local names = {}
  for name, after in header:gmatch "%f[%w_]([pb][cp][af]p?_[%w_]+)%s*%b()%s*(.)" do
    names[name] = after ~= "{" or nil -- an inline function is no function of the library
  end
  return names
end

describe("docs/libpcap-functions.md", function()
  local rows, order = read_table()

  it("lists every function of the installed pcap.h", function()
    local count = 0
    for name in pairs(declared()) do
      assert.is_truthy(rows[name], name .. " is missing")
      count = count + 1
    end
    assert.is_true(count > 80, count)
  end)

  it("lists no function that a current pcap.h has not", function()
    local names = declared()
    if not names.pcap_init then return pending("needs libpcap 1.10") end
    for name in pairs(rows) do
      assert.is_truthy(names[name], name .. " is not in pcap.h")
    end
  end)

  it("is in order", function()
    for i = 2, #order do
      assert.is_true(order[i - 1] < order[i], order[i])
    end
  end)

  it("names only what is there", function()
    local objects = {
      cap = require("pcap.capture").class,
      dumper = getmetatable(assert(pcap.open_dead():dump_open "/dev/null")),
      filter = getmetatable(assert(pcap.compile "ip")),
    }
    local checked = 0
    for name, here in pairs(rows) do
      for object, method in here:gmatch "`(%l+):([%w_]+)" do
        assert.is_function(objects[object][method], name .. ": " .. object .. ":" .. method)
        checked = checked + 1
      end
      for member in here:gmatch "`pcap%.([%w_]+)" do
        assert.is_truthy(pcap[member], name .. ": pcap." .. member)
        checked = checked + 1
      end
    end
    assert.is_true(checked > 80, checked)
  end)

  it("calls nothing unbound that the sources use", function()
    local sources = shell.run("cat lua/pcap/*/*cdefs.lua shim/*.c")
    for name, here in pairs(rows) do
      if here:find "^not bound" and name ~= "pcap_file" then
        assert.is_nil(sources:find("%f[%w_]" .. name .. "%f[^%w_][\"(]"), name)
      end
    end
  end)
end)
