--- Runs a command under bench/measure.c: what it cost, and what it printed first.

---@param folder string  where the programs are, with a slash
---@return number wall     seconds
---@return number cpu      seconds
---@return string saw
return function(folder, command)
  local pipe = assert(io.popen(folder .. "measure " .. command .. " 2>&1"))
  local text = pipe:read "*a"
  pipe:close()
  local saw, wall, cpu = text:match "^(.-)\n?([%d.]+) ([%d.]+) %d+\n$"
  return assert(tonumber(wall), command .. ": " .. text), tonumber(cpu), saw
end
