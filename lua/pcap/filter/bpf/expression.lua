-- Writes Lua expressions for BPF's unsigned 32-bit words. A word is held as the signed number
-- that LuaJIT's bit functions give for it, which compiled code keeps in integer registers.
local range = require "pcap.filter.bpf.range"

local expression = {}

---@class pcap.bpf.expression
---@field text string Lua expression
---@field range pcap.bpf.range of the unsigned value

--- A literal for any whole number that is not negative: offsets beyond 2^31 are not words.
function expression.literal(number)
  return ("%.0f"):format(number)
end

---@param k number unsigned
---@return pcap.bpf.expression
function expression.constant(k)
  return { text = expression.literal(bit.tobit(k)), range = range.new(k, k) }
end

--- An expression for the unsigned value.
function expression.unsigned(w)
  if range.small(w.range) then
    return w.text
  end
  local k = range.constant(w.range)
  if k then
    return expression.literal(k)
  end
  return ("(rshift(%s, 1) * 2 + band(%s, 1))"):format(w.text, w.text)
end

--- An expression that compares with another such expression as the unsigned values do.
local function flipped(w)
  local k = range.constant(w.range)
  if k then
    return expression.literal(k - 2 ^ 31)
  end
  return ("bxor(%s, -2147483648)"):format(w.text)
end

local OPERATORS = {
  eq = { holds = "==", fails = "~=" },
  gt = { holds = ">", fails = "<=" },
  ge = { holds = ">=", fails = "<" },
  set = { holds = "~=", fails = "==" },
}

--- A condition for an `if`.
---@param test "eq"|"gt"|"ge"|"set"
---@param a pcap.bpf.expression
---@param b pcap.bpf.expression
---@param outcome "holds"|"fails"
---@return string
function expression.condition(test, a, b, outcome)
  local operator = OPERATORS[test][outcome]
  if test == "set" then
    return ("band(%s, %s) %s 0"):format(a.text, b.text, operator)
  end
  if test == "eq" or (range.small(a.range) and range.small(b.range)) then
    return ("%s %s %s"):format(a.text, operator, b.text)
  end
  return ("%s %s %s"):format(flipped(a), operator, flipped(b))
end

--- The outcome of a test, if it is the same for every value that the words can have.
---@return boolean|nil outcome nil if it depends on the values
function expression.foregone(test, a, b)
  a, b = a.range, b.range
  if test == "gt" and (a.lo > b.hi or a.hi <= b.lo) then
    return a.lo > b.hi
  elseif test == "ge" and (a.lo >= b.hi or a.hi < b.lo) then
    return a.lo >= b.hi
  elseif test == "eq" and (a.hi < b.lo or a.lo > b.hi) then
    return false
  elseif test == "eq" and range.constant(a) and range.constant(b) then
    return true
  elseif test == "set" and (a.hi == 0 or b.hi == 0) then
    return false
  end
  return nil
end

local text = {}

-- LuaJIT turns tobit(a + b) into one addition that wraps.
function text.add(a, b)
  return ("tobit(%s + %s)"):format(a.text, b.text)
end

function text.sub(a, b)
  return ("tobit(%s - %s)"):format(a.text, b.text)
end

function text.neg(a)
  -- Not "-a": in front of a negative literal that would begin a comment.
  return ("tobit(0 - %s)"):format(a.text)
end

-- A product may need 64 bits. A double has 53, of which the bit functions take 51. So multiply by
-- the two halves of the second word, and drop in between what leaves the 32 bits.
function text.mul(a, b)
  if a.range.hi * b.range.hi < 2 ^ 51 then
    return ("tobit(%s * %s)"):format(expression.unsigned(a), expression.unsigned(b))
  end
  return ("tobit(%s * band(%s, 65535) + lshift(%s * rshift(%s, 16), 16))")
    :format(a.text, b.text, a.text, b.text)
end

function text.div(a, b)
  return ("tobit(floor(%s / %s))"):format(expression.unsigned(a), expression.unsigned(b))
end

function text.mod(a, b)
  return ("tobit(%s %% %s)"):format(expression.unsigned(a), expression.unsigned(b))
end

for op, name in pairs({
  ["and"] = "band", ["or"] = "bor", xor = "bxor", lsh = "lshift", rsh = "rshift",
}) do
  text[op] = function(a, b)
    return ("%s(%s, %s)"):format(name, a.text, b.text)
  end
end

--- The result of an operation. Shifts must be by less than 32, and divisors must not be 0.
---@param op string
---@param a pcap.bpf.expression
---@param b? pcap.bpf.expression
---@return pcap.bpf.expression
function expression.apply(op, a, b)
  return { text = text[op](a, b), range = range[op](a.range, b and b.range) }
end

return expression
