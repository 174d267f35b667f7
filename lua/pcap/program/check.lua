--- Ends a subcommand with a message for its user.

local check = {}

local Failure = {}

--- Ends the subcommand: its work cannot be done.
---@param message? string  nil if warn() has told it
function check.fail(message)
  error(setmetatable({ message = message }, Failure), 0)
end

--- Ends the subcommand: its arguments are wrong.
---@param message string
---@param usage? string  to show before it
function check.misuse(message, usage)
  error(setmetatable({ message = message, usage = usage, is_misuse = true }, Failure), 0)
end

--- Whether an error is one of these.
function check.is_failure(problem)
  return getmetatable(problem) == Failure
end

--- Tells of something that does not end the subcommand.
---@param args table  argparse's
---@param message string
function check.warn(args, message)
  io.stdout:flush() -- what was printed before comes before
  io.stderr:write(args.title, ": ", message, "\n")
end

--- Gives back the results of a function that succeeded, or fails with its message.
function check.done(value, message, ...)
  if not value then
    check.fail(message)
  end
  return value, message, ...
end

--- Checks a write to stdout.
function check.written(value, message)
  if not value then
    check.fail("cannot write to stdout: " .. message)
  end
end

return check
