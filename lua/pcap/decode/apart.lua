--- Functions that LuaJIT compiles by themselves, apart from the code that calls them.
--
-- A loop that a decoder runs would be met by the trace of the caller's loop, which would be given
-- up, and after some such packets the caller's loop with it. string.gsub is not compiled: a trace
-- ends there cleanly, and another begins behind it.

local gsub = string.gsub

--- Makes a function of up to seven arguments and five results run apart. It may not call itself.
---@param work function
---@return function
return function(work)
  local a, b, c, d, e, f, g
  local first, second, third, fourth, fifth
  local function run()
    first, second, third, fourth, fifth = work(a, b, c, d, e, f, g)
  end
  return function(...)
    a, b, c, d, e, f, g = ...
    gsub("-", "-", run)
    a, b, c = nil, nil, nil -- they would be kept alive
    return first, second, third, fourth, fifth
  end
end
