--- Reads tables of options. It refuses unknown keys, checks every value, and names the key in
-- case of misuse.

local cdefs = require "pcap.core.cdefs"

local options = {}

local PRECISIONS = { micro = cdefs.TSTAMP_PRECISION_MICRO, nano = cdefs.TSTAMP_PRECISION_NANO }
local DIRECTIONS = { ["in"] = cdefs.D_IN, out = cdefs.D_OUT, inout = cdefs.D_INOUT }

-- A kind of value is a function. It returns the value as libpcap takes it, or nil and what was
-- expected.

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

function options.seconds(value)
  if type(value) == "number" and value >= 0 then
    return value
  end
  return nil, "seconds"
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

--- Reads a table of options, or nil for none.
---@param given table|nil
---@param position integer  of the table among the function's arguments
---@param name string       the public function; misuse is raised at the line that called it
---@param kinds table       by key: a kind of value
---@return table values     by key: as libpcap takes them
function options.read(given, position, name, kinds)
  local values = {}
  if given == nil then
    return values
  end
  local function fail(problem)
    error(("bad argument #%d to '%s' (%s)"):format(position, name, problem), 4)
  end
  if type(given) ~= "table" then
    fail("table expected, got " .. type(given))
  end
  for key, value in pairs(given) do
    local kind = kinds[key]
    if not kind then
      fail(("unknown option '%s'"):format(tostring(key)))
    end
    local taken, expected = kind(value)
    if taken == nil then
      fail(("option '%s': %s expected, got %s"):format(key, expected,
        type(value) == "string" and ("%q"):format(value) or tostring(value)))
    end
    values[key] = taken
  end
  return values
end

return options
