--- The command `pcap`: finds a subcommand, reads its options, runs it, and says how it ended.
--
-- A subcommand is one file in pcap/command/. It returns a table:
--
-- - `summary`: one line for the list of subcommands;
-- - `options(parser)` adds options and arguments to an argparse parser (program/options.lua has
--   those that several have);
-- - `run(args)` does the work. It calls fail() of program/check.lua if that cannot be done, which
--   ends the program with status 1, and misuse() if the arguments are wrong: status 2.

local check = require "pcap.program.check"
local version = require("pcap")._VERSION

-- Room for loops that do much with each packet: see docs/decoding.md.
require("jit.opt").start("maxirconst=2000")

local command = {}

local NAME = "pcap"
local OK, FAILED, WRONG_ARGUMENTS, INTERRUPTED = 0, 1, 2, 130

local function path_of(name)
  return name:find "^%l[%l%d_]*$" and package.searchpath("pcap.command." .. name, package.path)
end

-- The subcommands that are installed beside the one that always is.
local function names()
  local folder = path_of "info":match "^(.*)/"
  local list, listing = {}, assert(io.popen("ls '" .. folder:gsub("'", "'\\''") .. "'"))
  for file in listing:lines() do
    list[#list + 1] = file:match "^(.+)%.lua$"
  end
  listing:close()
  return list
end

local function usage()
  local lines = { "Usage: " .. NAME .. " SUBCOMMAND [OPTIONS] [ARGUMENTS]", "" }
  for _, name in ipairs(names()) do
    lines[#lines + 1] = ("  %-8s %s"):format(name, require("pcap.command." .. name).summary)
  end
  lines[#lines + 1] = "\n'" .. NAME .. " SUBCOMMAND --help' tells more; '" .. NAME
    .. " --version' the version.\n"
  return table.concat(lines, "\n")
end

-- What xpcall gives back for an error: a failure as it is, anything else with where it came from.
local function describe(message)
  return check.is_failure(message) and message or debug.traceback(message, 2)
end

-- The status for what ended a subcommand by an error.
local function status_of(title, problem)
  if not check.is_failure(problem) then
    -- LuaJIT's own program raises this on Ctrl-C, before a subcommand notes signals.
    if problem:find "^[^\n]*interrupted!\n" then
      return INTERRUPTED
    end
    check.complain(title, problem)
    return FAILED
  end
  if problem.usage then
    io.stderr:write(problem.usage, "\n")
  end
  if problem.message then
    check.complain(title, problem.message)
  end
  return problem.is_misuse and WRONG_ARGUMENTS or FAILED
end

local function run(title, name, words)
  local subcommand = require("pcap.command." .. name)
  local options = require "pcap.program.options"
  subcommand.run(options.parse(title, subcommand, words))
  check.written(io.stdout:flush())
end

local function run_named(name, words)
  if not path_of(name) then
    check.complain(NAME, ("there is no subcommand %q; '%s --help' lists them"):format(name, NAME))
    return WRONG_ARGUMENTS
  end
  local title = NAME .. " " .. name
  local ran, problem = xpcall(run, describe, title, name, words)
  return ran and OK or status_of(title, problem)
end

--- Runs the command.
---@param words string[]  its arguments
---@return integer status  for the shell: 0; 1 if it failed; 2 if the arguments are wrong
function command.main(words)
  local name, rest = words[1], { unpack(words, 2) }
  if name == "help" and rest[1] then
    name, rest = rest[1], { "--help" }
  end
  if not name then
    io.stderr:write(usage())
    return WRONG_ARGUMENTS
  elseif name == "--help" or name == "-h" or name == "help" then
    io.write(usage())
    return OK
  elseif name == "--version" then
    io.write(NAME, " ", version, "\n", require("pcap")._LIB_VERSION, "\n")
    return OK
  end
  return run_named(name, rest)
end

return command
