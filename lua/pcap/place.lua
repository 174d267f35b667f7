--- Places: what a savefile is read from or written to, a path, a descriptor or an open Lua file.

local place = {}

--- Reads the first argument of a public function. Misuse is raised at the line that called it.
---@param value string|integer|file*
---@param name string  the public function
---@return table where  {name = (for messages), and one of path =, fd =, file =}
function place.read(value, name)
  if type(value) == "string" then
    if value:find("\0", 1, true) then
      error(("bad argument #1 to '%s' (string contains a NUL byte)"):format(name), 3)
    end
    return { name = value, path = value }
  elseif type(value) == "number" and value >= 0 and value < 2 ^ 31 and value % 1 == 0 then
    return { name = "descriptor " .. value, fd = value }
  elseif io.type(value) == "file" then
    return { name = tostring(value), file = value }
  end
  local problem = "string expected, got " .. (io.type(value) or type(value))
  if type(value) == "number" then
    problem = "descriptor expected, got " .. value
  end
  error(("bad argument #1 to '%s' (%s)"):format(name, problem), 3)
end

--- A message with the place's name in front, where it does not begin with that.
function place.named(where, message)
  return where.path and message or where.name .. ": " .. message
end

return place
