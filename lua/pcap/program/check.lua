--- Ends a subcommand with a message for its user.

local progress = require "pcap.program.progress"

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

--- Writes a message to stderr, behind all that was printed before.
---@param title string  the command's name and the subcommand's
---@param message string
function check.complain(title, message)
  io.stdout:flush()
  progress.clear()
  io.stderr:write(title, ": ", message, "\n")
end

--- Tells of something that does not end the subcommand.
---@param args table  argparse's
---@param message string
function check.warn(args, message)
  check.complain(args.title, message)
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
