--- Places: where a savefile is read from or written to. A place is a path, a descriptor or an open
-- Lua file.

local place = {}

--- The place that a value stands for.
---@param value string|integer|file*
---@return table|nil where  {name = (for messages), and one of path =, fd =, file =}
---@return string|nil problem  what is wrong with the value
function place.of(value)
  if type(value) == "string" then
    if value:find("\0", 1, true) then
      return nil, "string contains a NUL byte"
    end
    return { name = value, path = value }
  elseif type(value) == "number" and value >= 0 and value < 2 ^ 31 and value % 1 == 0 then
    return { name = "descriptor " .. value, fd = value }
  elseif io.type(value) == "file" then
    return { name = tostring(value), file = value }
  end
  if type(value) == "number" then
    return nil, "descriptor expected, got " .. value
  end
  return nil, "string expected, got " .. (io.type(value) or type(value))
end

--- Reads the first argument of a public function. Misuse is raised at the line that called it.
---@param name string  the public function
---@return table where
function place.read(value, name)
  local where, problem = place.of(value)
  if not where then
    error(("bad argument #1 to '%s' (%s)"):format(name, problem), 3)
  end
  return where
end

--- Whether a place is the path of a file. "-" is not.
---@return boolean
function place.is_path(where)
  return where.path ~= nil and where.path ~= "-"
end

--- Puts the place's name in front of a message. Some of libpcap's begin with a path already.
function place.named(where, message)
  local prefix = where.name .. ": "
  return message:sub(1, #prefix) == prefix and message or prefix .. message
end

return place
