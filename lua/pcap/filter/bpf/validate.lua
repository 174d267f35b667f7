-- Refuses programs that libpcap's interpreter or our translation could not run safely.
local opcode = require "pcap.filter.bpf.opcode"

local SCRATCH_WORDS = 16

local function wrong_constant(shape, k)
  if (shape.from == "mem" or shape.kind == "store") and k >= SCRATCH_WORDS then
    return ("scratch memory has no word %d"):format(k)
  end
  if shape.with == "K" then
    if (shape.op == "div" or shape.op == "mod") and k == 0 then
      return "division by zero"
    end
    if (shape.op == "lsh" or shape.op == "rsh") and k > 31 then
      return ("shift by %d bits"):format(k)
    end
  end
end

local function wrong_jump(insn, i, n)
  local yes, no = opcode.targets(insn, i)
  for _, to in ipairs({ yes, no }) do
    if to < 0 or to >= n then
      return ("jump to %d, outside of the program"):format(to)
    end
    if to == i then
      return "jump to itself"
    end
  end
end

local function fault(insn, i, n)
  local shape = opcode.shape(insn.code)
  if not shape then
    return ("unknown opcode 0x%02x"):format(insn.code)
  end
  return wrong_constant(shape, insn.k) or shape.kind == "jump" and wrong_jump(insn, i, n)
end

---@param insns ffi.cdata*
---@param n integer
---@return true|nil ok
---@return string? message
local function check(insns, n)
  if n < 1 then
    return nil, "the program is empty"
  end
  for i = 0, n - 1 do
    local message = fault(insns[i], i, n)
    if message then
      return nil, ("instruction %d: %s"):format(i, message)
    end
  end
  if opcode.shape(insns[n - 1].code).kind ~= "return" then
    return nil, ("instruction %d: the last one does not return"):format(n - 1)
  end
  return true
end

return check
