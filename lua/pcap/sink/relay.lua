--- A writer that hands on to another: to that of the present file, or of what a stream gathers.

local relay = {}

-- What a writer can do besides write(). Classic's cannot; the dumper asks before.
local METHODS = { "add_interface", "comment", "add_names", "add_secrets", "add_block", "carry" }

--- Makes a class of such writers. It has all methods but write().
---@param target function  target(self) gives the writer to hand on to, or nil and a message
---@param after? function  after(self, result, message) is called with what that writer returned,
---  and returns what the caller gets
---@return table
function relay.class(target, after)
  local class = {}
  class.__index = class
  for _, name in ipairs(METHODS) do
    class[name] = function(self, ...)
      local writer, message = target(self)
      if not writer then
        return nil, message
      end
      return after(self, writer[name](writer, ...))
    end
  end
  return class
end

return relay
