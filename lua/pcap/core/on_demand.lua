--- Modules that are loaded when something of them is first used.
--
-- Most programs never touch pcapng. The less is loaded, the faster the module starts, and the
-- faster is a loop that makes strings: LuaJIT lets as much garbage pile up as there is live memory,
-- and what does not fit into the processor's cache is slow.

local on_demand = {}

--- A stand-in for a module that is a table of functions and constants. It has them all once one of
-- them was asked for.
---@param name string  of the module
---@return table
function on_demand.module(name)
  return setmetatable({}, { __index = function(self, key)
    setmetatable(self, nil)
    for field, value in pairs(require(name)) do
      self[field] = value
    end
    return self[key]
  end })
end

return on_demand
