--- Reads a program's arguments: options of one letter, and what stands behind them.
--
--   local arguments = dofile((arg[0]:gsub("[^/]+$", "arguments.lua")))
--   local options, rest = arguments.read(HELP, { w = "string", x = "number", t = "flag" })
--
-- HELP is the text that --help prints. `arguments.fail(message)` ends the program with status 1, as
-- a failure at run time does. Wrong arguments end it with status 2.

local arguments = {}

local name = arg[0]:match "([^/]+)%.lua$" or arg[0]

--- Ends the program with a message if there is no value. Otherwise gives the values.
function arguments.check(value, message, ...)
  if not value then
    io.stderr:write(name, ": ", tostring(message), "\n")
    os.exit(1)
  end
  return value, message, ...
end

function arguments.fail(message)
  arguments.check(nil, message)
end

--- Ends the program because its arguments are wrong.
function arguments.misuse(message)
  io.stderr:write(name, ": ", message, "\nTry --help.\n")
  os.exit(2)
end

local function value_of(kind, letter, value)
  if not value then
    arguments.misuse("-" .. letter .. " needs a value")
  end
  local number = tonumber(value)
  if kind == "number" and not (number and number >= 0 and number < math.huge) then
    arguments.misuse(("-%s needs a number, not %q"):format(letter, value))
  end
  return kind == "number" and number or value
end

--- Reads the arguments. After "--" come no more options.
---@param help string
---@param kinds table    by letter: "flag", "string" or "number"
---@return table options  by letter
---@return table rest     a list
function arguments.read(help, kinds)
  local options, rest, i = {}, {}, 1
  while arg[i] do
    local letter, attached = arg[i]:match "^%-(%a)(.*)$"
    if arg[i] == "--help" or arg[i] == "-h" then
      print(help)
      os.exit(0)
    elseif arg[i] == "--" then
      for k = i + 1, #arg do rest[#rest + 1] = arg[k] end
      break
    elseif not letter and (arg[i]:sub(1, 1) ~= "-" or arg[i] == "-") then
      rest[#rest + 1] = arg[i]
    elseif not kinds[letter] or kinds[letter] == "flag" and attached ~= "" then
      arguments.misuse("there is no option " .. arg[i])
    elseif kinds[letter] == "flag" then
      options[letter] = true
    else
      if attached == "" then
        i = i + 1
        attached = arg[i]
      end
      options[letter] = value_of(kinds[letter], letter, attached)
    end
    i = i + 1
  end
  return options, rest
end

return arguments
