--- What lua/pcap/types.lua declares, read as text.

local shell = require "spec.support.shell"

local declarations = {
  text = shell.read "lua/pcap/types.lua",
  --- By class: `names`, a set, and `functions`: by name the `arguments` as text, `params`, a list
  --- of those that are annotated, and `count` of them, with self.
  classes = {},
  --- A set of names.
  aliases = {},
}

local class, params = nil, {}
local of_local = {} -- by local variable: its class

local function declare_class(name)
  assert(not declarations.classes[name], name .. " is there twice")
  class = { names = {}, functions = {} }
  declarations.classes[name] = class
end

local function declare_field(name)
  assert(not class.names[name], name .. " is there twice")
  class.names[name] = true
end

local function declare_function(object, mark, name, arguments)
  local owner = of_local[object]
  local count = select(2, arguments:gsub("[%w_]+", "")) + (mark == ":" and 1 or 0)
  owner.functions[name] = { arguments = arguments, params = params, count = count }
  owner.names[name], params = true, {}
end

-- What each kind of line begins with, and what reads it.
local READERS = {
  { "^%-%-%-@class ([%w_.]+)", declare_class },
  { "^%-%-%-@field ([%w_]+)", declare_field },
  { "^%-%-%-@alias ([%w_.]+)", function(name) declarations.aliases[name] = true end },
  { "^%-%-%-@param ([%w_]+)", function(name) table.insert(params, name) end },
  { "^local (%w+) = {}", function(name) of_local[name] = class end },
  { "^function (%w+)([.:])([%w_]+)%((.-)%)", declare_function },
}

for line in declarations.text:gmatch "[^\n]+" do
  for _, reader in ipairs(READERS) do
    if line:find(reader[1]) then
      reader[2](line:match(reader[1]))
    end
  end
end

return declarations
