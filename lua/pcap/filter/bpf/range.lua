-- Knows the unsigned values between which a register lies. A value below 2^31 can be compared and
-- used as an index as it is; one above cannot.
local range = {}

local LIMIT = 2 ^ 32

---@class pcap.bpf.range
---@field lo number
---@field hi number inclusive

---@return pcap.bpf.range
local function new(lo, hi)
  return { lo = lo, hi = hi }
end

range.new = new
range.ANY = new(0, LIMIT - 1)

local function unless_wrapped(lo, hi)
  if lo < 0 or hi >= LIMIT then
    return range.ANY
  end
  return new(lo, hi)
end

--- The smallest number of the form 2^n - 1 that is not below `value`.
local function ones(value)
  local _, exponent = math.frexp(value)
  return 2 ^ exponent - 1
end

--- Whether a value is the same number read as signed and as unsigned.
function range.small(r)
  return r.hi < 2 ^ 31
end

function range.constant(r)
  return r.lo == r.hi and r.lo or nil
end

function range.union(a, b)
  return new(math.min(a.lo, b.lo), math.max(a.hi, b.hi))
end

range["add"] = function(a, b)
  return unless_wrapped(a.lo + b.lo, a.hi + b.hi)
end

range["sub"] = function(a, b)
  return unless_wrapped(a.lo - b.hi, a.hi - b.lo)
end

range["mul"] = function(a, b)
  return unless_wrapped(a.lo * b.lo, a.hi * b.hi)
end

-- Division and remainder are reached only with a divisor that is not 0.
range["div"] = function(a, b)
  return new(math.floor(a.lo / b.hi), math.floor(a.hi / math.max(b.lo, 1)))
end

range["mod"] = function(a, b)
  return new(0, math.min(a.hi, b.hi - 1))
end

range["and"] = function(a, b)
  return new(0, math.min(a.hi, b.hi))
end

range["or"] = function(a, b)
  return new(math.max(a.lo, b.lo), ones(math.max(a.hi, b.hi)))
end

range["xor"] = function(a, b)
  return new(0, ones(math.max(a.hi, b.hi)))
end

range["lsh"] = function(a, b)
  if b.hi > 31 then
    return range.ANY
  end
  return unless_wrapped(a.lo * 2 ^ b.lo, a.hi * 2 ^ b.hi)
end

range["rsh"] = function(a, b)
  return new(math.floor(a.lo / 2 ^ b.hi), math.floor(a.hi / 2 ^ b.lo))
end

range["neg"] = function(a)
  if a.lo == 0 then
    return a.hi == 0 and a or range.ANY
  end
  return new(LIMIT - a.hi, LIMIT - a.lo)
end

return range
