--- Modules that are loaded when something of them is first used.
--
-- Most programs never touch pcapng. The less is loaded, the faster the module starts, and the
-- faster is a loop that makes strings: LuaJIT lets as much garbage pile up as there is live memory,
-- and what does not fit into the processor's cache is slow.

local on_demand = {}

local names = {}

-- Garbage may hold the last descriptors, of which loading a file takes one.
local function load(name)
  local loaded, module = pcall(require, name)
  if not loaded then
    collectgarbage()
    collectgarbage()
    module = require(name)
  end
  return module
end

--- A stand-in for a module that is a table of functions and constants. It has them all once one of
-- them was asked for.
---@param name string    of the module
---@param known? table   fields that it has before
---@return table
function on_demand.module(name, known)
  names[#names + 1] = name
  local stand_in = {}
  for field, value in pairs(known or {}) do
    stand_in[field] = value
  end
  return setmetatable(stand_in, { __index = function(self, key)
    local module = load(name)
    setmetatable(self, nil)
    for field, value in pairs(module) do
      self[field] = value
    end
    return self[key]
  end })
end

--- Loads them all now, for a program that may not read the module's files later.
function on_demand.load_all()
  for _, name in ipairs(names) do
    require(name)
  end
end

return on_demand
