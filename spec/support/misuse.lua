--- Misuse: that a call raises, with which message, and at whose line.

local assert = require "luassert"

--- Asserts that `call`, a function of one line whose call is no tail call, raises exactly
-- `message` and that the error points to that line.
return function(call, message)
  local where = debug.getinfo(call, "S")
  local ok, raised = pcall(call)
  assert.is_false(ok, "nothing was raised; expected: " .. message)
  assert.equal(("%s:%d: %s"):format(where.short_src, where.linedefined, message), raised)
end
