--- Reports misuse as Lua's own library does: with an error at the caller's line that names the
-- function and the argument. A failure at run time is not misuse: it returns nil, message.

local check = {}

local function argument_error(position, name, problem, level)
  local which = type(position) == "number" and "#" .. position or "'" .. position .. "'"
  error(("bad argument %s to '%s' (%s)"):format(which, name, problem), level + 1)
end

-- The level, for error(), of the line that called the public function. It is counted from a check
-- that the public function makes.
local CALLER = 3

local function expect(kind, value, position, name)
  if type(value) ~= kind then
    argument_error(position, name, kind .. " expected, got " .. type(value), CALLER + 1)
  end
end

--- Raises "bad argument #position to 'name' (problem)" at the line that called the caller.
---@param position integer|string  the argument's number, or its key in a table of options
---@param name string              the public function
---@param problem string
function check.fail(position, name, problem)
  argument_error(position, name, problem, CALLER)
end

--- A string for C. C would read it only up to an embedded NUL.
function check.cstring(value, position, name)
  expect("string", value, position, name)
  if value:find("\0", 1, true) then
    argument_error(position, name, "string contains a NUL byte", CALLER)
  end
  return value
end

--- A string of bytes.
function check.bytes(value, position, name)
  expect("string", value, position, name)
  return value
end

-- A number, or a string that holds a number and nothing else. Lua's own library takes both as
-- numbers.
local function to_number(value, position, name)
  local number = type(value) == "string" and tonumber(value) or value
  if type(number) ~= "number" then
    argument_error(position, name, "number expected, got " .. type(value), CALLER + 1)
  end
  return number
end

--- A finite number. This and the next two turn a string of digits into its number.
function check.number(value, position, name)
  value = to_number(value, position, name)
  if value ~= value or value == math.huge or value == -math.huge then
    argument_error(position, name, "finite number expected, got " .. tostring(value), CALLER)
  end
  return value
end

--- A number of seconds to wait: not negative, fractions and infinity allowed.
function check.seconds(value, position, name)
  value = to_number(value, position, name)
  if value < 0 or value ~= value then
    argument_error(position, name, "seconds expected, got " .. tostring(value), CALLER)
  end
  return value
end

--- A whole number from low to high.
function check.integer(value, position, name, low, high)
  value = to_number(value, position, name)
  if not (value >= low and value <= high) or value % 1 ~= 0 then
    argument_error(position, name, ("integer from %.0f to %.0f expected, got %s")
      :format(low, high, tostring(value)), CALLER)
  end
  return value
end

--- A table, for example of options.
function check.table(value, position, name)
  expect("table", value, position, name)
  return value
end

-- Whether an object has this class, or one that is derived from it.
local function has_class(object, class)
  local own = getmetatable(object)
  return own == class or type(own) == "table" and rawget(own, "__parent") == class
end

local function bad_self(object, class, name, level)
  error(("calling '%s' on bad self (%s expected, got %s)"):format(name, class.__name, type(object)),
    level + 1)
end

--- An object of a class, closed or not.
---@param object table     what stands before the colon
---@param class table      its metatable, or what that derives from; the class's __name says what
--- it is
---@param name string      the method
function check.self(object, class, name)
  if not has_class(object, class) then
    bad_self(object, class, name, CALLER)
  end
end

--- An object's C handle.
---@param object table     what stands before the colon
---@param class table      as for check.self()
---@param name string      the method
---@return ffi.cdata* handle  not NULL
function check.open(object, class, name)
  if getmetatable(object) ~= class and not has_class(object, class) then
    bad_self(object, class, name, CALLER)
  end
  local handle = object._handle
  if not handle then
    error(("calling '%s' on bad self: %s has been closed"):format(name, class.__name), CALLER)
  end
  return handle
end

return check
