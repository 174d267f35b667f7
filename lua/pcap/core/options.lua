--- Reads tables of options. It refuses unknown keys, checks every value, and names the key in
-- case of misuse.

local cdefs = require "pcap.core.cdefs"

local options = {}

local PRECISIONS = { micro = cdefs.TSTAMP_PRECISION_MICRO, nano = cdefs.TSTAMP_PRECISION_NANO }
local DIRECTIONS = { ["in"] = cdefs.D_IN, out = cdefs.D_OUT, inout = cdefs.D_INOUT }

-- A kind of value is a function. It returns the value as libpcap takes it; or nil and what was
-- expected; or nil, nil and what is wrong within the value.

function options.precision(value)
  return PRECISIONS[value], '"micro" or "nano"'
end

function options.direction(value)
  return DIRECTIONS[value], '"in", "out" or "inout"'
end

function options.flag(value)
  if type(value) == "boolean" then
    return value
  end
  return nil, "boolean"
end

function options.cstring(value)
  if type(value) == "string" and not value:find("\0", 1, true) then
    return value
  end
  return nil, "string without NUL bytes"
end

function options.callback(value)
  if type(value) == "function" then
    return value
  end
  return nil, "function"
end

function options.seconds(value)
  if type(value) == "number" and value >= 0 then
    return value
  end
  return nil, "seconds"
end

function options.number(value)
  if type(value) == "number" and value == value and math.abs(value) < math.huge then
    return value
  end
  return nil, "finite number"
end

function options.string(value)
  if type(value) == "string" then
    return value
  end
  return nil, "string"
end

--- A kind of whole number from low to high.
function options.integer(low, high)
  return function(value)
    if type(value) == "number" and value >= low and value <= high and value % 1 == 0 then
      return value
    end
    return nil, ("integer from %.0f to %.0f"):format(low, high)
  end
end

local function but_got(expected, value)
  return ("%s expected, got %s"):format(expected,
    type(value) == "string" and ("%q"):format(value) or tostring(value))
end

-- Takes a table by its kinds: the values, or nil and what is wrong.
local function take(given, kinds)
  local values = {}
  for key, value in pairs(given) do
    local kind = kinds[key]
    if not kind then
      return nil, ("unknown option '%s'"):format(tostring(key))
    end
    local taken, expected, problem = kind(value)
    if taken == nil then
      return nil, ("option '%s': %s"):format(key, problem or but_got(expected, value))
    end
    values[key] = taken
  end
  return values
end

--- A kind of table that has options of its own.
---@param kinds table   as read() takes them
---@param needed? table  a list of those that have to be there
function options.record(kinds, needed)
  return function(value)
    if type(value) ~= "table" then
      return nil, "table"
    end
    for _, key in ipairs(needed or {}) do
      if value[key] == nil then
        return nil, nil, ("option '%s' is missing"):format(key)
      end
    end
    local values, problem = take(value, kinds)
    return values, nil, problem
  end
end

-- What is wrong with a list of `count` items that has another key: a hole, or it is no list.
local function not_in_list(key, count, kind, name)
  if type(key) == "number" then
    return ("item %d: %s"):format(count + 1, but_got(select(2, kind(nil)), nil))
  end
  return ("list of %s expected, got a table with the key '%s'"):format(name, tostring(key))
end

--- A kind of list.
---@param kind function  of what is in it
---@param name string    what is in it, for messages
function options.list(kind, name)
  return function(value)
    if type(value) ~= "table" then
      return nil, "list of " .. name
    end
    local list = {}
    for i, item in ipairs(value) do
      local taken, expected, problem = kind(item)
      if taken == nil then
        return nil, nil, ("item %d: %s"):format(i, problem or but_got(expected, item))
      end
      list[i] = taken
    end
    for key in pairs(value) do
      if list[key] == nil then
        return nil, nil, not_in_list(key, #list, kind, name)
      end
    end
    return list
  end
end

--- Reads a table of options, or nil for none.
---@param given table|nil
---@param position integer  of the table among the function's arguments
---@param name string       the public function; misuse is raised at the line that called it
---@param kinds table       by key: a kind of value
---@return table values     by key: as libpcap takes them
function options.read(given, position, name, kinds)
  if given == nil then
    return {}
  end
  local values, problem
  if type(given) == "table" then
    values, problem = take(given, kinds)
  else
    problem = "table expected, got " .. type(given)
  end
  if not values then
    error(("bad argument #%d to '%s' (%s)"):format(position, name, problem), 3)
  end
  return values
end

return options
