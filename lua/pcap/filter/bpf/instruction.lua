-- Writes the statements for each kind of BPF instruction.
local range = require "pcap.filter.bpf.range"
local expression = require "pcap.filter.bpf.expression"

-- Machines that read words at odd addresses, with the least significant byte first.
local LOADS_WORDS = jit.arch == "x64" or jit.arch == "x86" or jit.arch == "arm64"

--- The bytes from an offset on as a word, the most significant first. Reading four at once takes a
--- third off the time of a filter for addresses; reading two at once gained nothing.
local function bytes_at(offset, size)
  if size == 1 then
    return ("data[%s]"):format(offset(0))
  elseif size == 2 then
    return ("bor(lshift(data[%s], 8), data[%s])"):format(offset(0), offset(1))
  elseif LOADS_WORDS then
    return ("bswap(cast(int32, data + (%s))[0])"):format(offset(0))
  end
  return ("bor(lshift(data[%s], 24), lshift(data[%s], 16), lshift(data[%s], 8), data[%s])")
    :format(offset(0), offset(1), offset(2), offset(3))
end

local load = {}

function load.imm(_, insn)
  return expression.constant(insn.k)
end

function load.mem(_, insn, facts)
  return facts:read("M" .. insn.k)
end

function load.len()
  return { text = "tobit(wirelen)", range = range.ANY }
end

function load.abs(self, insn, facts)
  self:require_captured(insn.k + insn.size, facts)
  local function offset(i)
    return expression.literal(insn.k + i)
  end
  return { text = bytes_at(offset, insn.size), range = range.new(0, 256 ^ insn.size - 1) }
end

function load.msh(self, insn, facts)
  self:require_captured(insn.k + 1, facts)
  local text = ("lshift(band(data[%s], 15), 2)"):format(expression.literal(insn.k))
  return { text = text, range = range.new(0, 60) }
end

-- The sum of X and the constant does not wrap: libpcap rejects the packet if it would.
function load.ind(self, insn, facts)
  local x, reach = facts:read("X"), insn.k + insn.size
  local base = expression.unsigned(x)
  if facts.ahead < reach then
    self:line("if %s + %s > caplen then return false end", base, expression.literal(reach))
    facts.ahead = reach
    facts.captured = math.max(facts.captured, x.range.lo + reach)
  end
  local function offset(i)
    return ("%s + %s"):format(base, expression.literal(insn.k + i))
  end
  return { text = bytes_at(offset, insn.size), range = range.new(0, 256 ^ insn.size - 1) }
end

local function second_operand(insn, facts)
  return insn.with == "K" and expression.constant(insn.k) or facts:read("X")
end

--- How each kind of instruction is written. True means that nothing follows it.
local instruction = {}

function instruction.load(self, insn, facts)
  self:assign(insn.into, load[insn.from](self, insn, facts), facts)
end

function instruction.store(self, insn, facts)
  self:assign("M" .. insn.k, facts:read(insn.from), facts)
end

function instruction.move(self, insn, facts)
  self:assign(insn.into, facts:read(insn.from), facts)
end

--- A shift by X. From 32 on it clears the word; LuaJIT's own shifts take X modulo 32.
local function shift(self, insn, facts, a, b)
  if b.range.lo > 31 then
    return self:assign("A", expression.constant(0), facts)
  end
  local shifted = expression.apply(insn.op, a, b)
  if b.range.hi > 31 then
    self:line("if band(%s, -32) == 0 then A = %s else A = 0 end", b.text, shifted.text)
    facts:set("A", range.union(shifted.range, range.new(0, 0)))
  else
    self:assign("A", shifted, facts)
  end
end

function instruction.alu(self, insn, facts)
  local a, b = facts:read("A"), insn.with and second_operand(insn, facts)
  if insn.op == "lsh" or insn.op == "rsh" then
    return shift(self, insn, facts, a, b)
  end
  if insn.op == "div" or insn.op == "mod" then
    if b.range.hi == 0 then
      self:line("do return false end")
      return true
    elseif b.range.lo == 0 then
      self:line("if %s == 0 then return false end", b.text)
    end
  end
  self:assign("A", expression.apply(insn.op, a, b), facts)
end

function instruction.jump(self, insn, facts)
  local yes, no = insn.yes, insn.no
  if insn.test == "always" or yes == no then
    self:leave(yes, facts)
    return true
  end
  local a, b = facts:read("A"), second_operand(insn, facts)
  local outcome = expression.foregone(insn.test, a, b)
  if outcome ~= nil then
    self:leave(outcome and yes or no, facts)
  elseif yes == self.at + 1 then
    self:line("if %s then %s end", expression.condition(insn.test, a, b, "fails"),
      self:exit(no, facts))
    self:leave(yes, facts)
  else
    self:line("if %s then %s end", expression.condition(insn.test, a, b, "holds"),
      self:exit(yes, facts))
    self:leave(no, facts)
  end
  return true
end

instruction["return"] = function(self, insn, facts)
  local a = facts:read("A")
  if insn.from == "K" then
    self:line("do return %s end", insn.k ~= 0)
  else
    self:line("do return %s ~= 0 end", a.text)
  end
  return true
end

return instruction
