--- Makes LuaJIT compile a function by itself, apart from the code that calls it.
--
-- If a decoder runs a loop, the trace of the caller's loop meets it, and LuaJIT gives up that
-- trace. After some such packets it gives up the caller's loop, too. string.gsub does not compile:
-- a trace ends there cleanly, and another begins after it.

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
    a, b, c = nil, nil, nil -- else they would stay alive
    return first, second, third, fourth, fifth
  end
end
