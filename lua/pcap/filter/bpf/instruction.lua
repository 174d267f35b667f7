-- Writes the statements for each kind of BPF instruction.
local range = require "pcap.filter.bpf.range"
local word = require "pcap.filter.bpf.expression"

-- Where words may be read at odd addresses, with the least significant byte first.
local LOADS_WORDS = jit.arch == "x64" or jit.arch == "x86" or jit.arch == "arm64"

--- The bytes from an offset on as a word, most significant first. Reading four at once takes
--- a third off a filter for addresses; reading two at once gained nothing.
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
  return word.constant(insn.k)
end

function load.mem(_, insn, known)
  return known:read("M" .. insn.k)
end

function load.len()
  return { text = "tobit(wirelen)", range = range.ANY }
end

function load.abs(self, insn, known)
  self:require_captured(insn.k + insn.size, known)
  local function offset(i)
    return word.literal(insn.k + i)
  end
  return { text = bytes_at(offset, insn.size), range = range.new(0, 256 ^ insn.size - 1) }
end

function load.msh(self, insn, known)
  self:require_captured(insn.k + 1, known)
  local text = ("lshift(band(data[%s], 15), 2)"):format(word.literal(insn.k))
  return { text = text, range = range.new(0, 60) }
end

-- The sum of X and the constant does not wrap: libpcap rejects where it would.
function load.ind(self, insn, known)
  local x, reach = known:read("X"), insn.k + insn.size
  local base = word.unsigned(x)
  if known.ahead < reach then
    self:line("if %s + %s > caplen then return false end", base, word.literal(reach))
    known.ahead = reach
    known.captured = math.max(known.captured, x.range.lo + reach)
  end
  local function offset(i)
    return ("%s + %s"):format(base, word.literal(insn.k + i))
  end
  return { text = bytes_at(offset, insn.size), range = range.new(0, 256 ^ insn.size - 1) }
end

local function second_operand(insn, known)
  return insn.with == "K" and word.constant(insn.k) or known:read("X")
end

--- How each kind of instruction is written. True means that nothing follows it.
local instruction = {}

function instruction.load(self, insn, known)
  self:assign(insn.into, load[insn.from](self, insn, known), known)
end

function instruction.store(self, insn, known)
  self:assign("M" .. insn.k, known:read(insn.from), known)
end

function instruction.move(self, insn, known)
  self:assign(insn.into, known:read(insn.from), known)
end

--- A shift by X, of which 32 and more clear the word, while LuaJIT's take X modulo 32.
local function shift(self, insn, known, a, b)
  if b.range.lo > 31 then
    return self:assign("A", word.constant(0), known)
  end
  local shifted = word.apply(insn.op, a, b)
  if b.range.hi > 31 then
    self:line("if band(%s, -32) == 0 then A = %s else A = 0 end", b.text, shifted.text)
    known:set("A", range.union(shifted.range, range.new(0, 0)))
  else
    self:assign("A", shifted, known)
  end
end

function instruction.alu(self, insn, known)
  local a, b = known:read("A"), insn.with and second_operand(insn, known)
  if insn.op == "lsh" or insn.op == "rsh" then
    return shift(self, insn, known, a, b)
  end
  if insn.op == "div" or insn.op == "mod" then
    if b.range.hi == 0 then
      self:line("do return false end")
      return true
    elseif b.range.lo == 0 then
      self:line("if %s == 0 then return false end", b.text)
    end
  end
  self:assign("A", word.apply(insn.op, a, b), known)
end

function instruction.jump(self, insn, known)
  local yes, no = insn.yes, insn.no
  if insn.test == "always" or yes == no then
    self:leave(yes, known)
    return true
  end
  local a, b = known:read("A"), second_operand(insn, known)
  local outcome = word.foregone(insn.test, a, b)
  if outcome ~= nil then
    self:leave(outcome and yes or no, known)
  elseif yes == self.at + 1 then
    self:line("if %s then %s end", word.condition(insn.test, a, b, "fails"),
      self:exit(no, known))
    self:leave(yes, known)
  else
    self:line("if %s then %s end", word.condition(insn.test, a, b, "holds"),
      self:exit(yes, known))
    self:leave(no, known)
  end
  return true
end

instruction["return"] = function(self, insn, known)
  local a = known:read("A")
  if insn.from == "K" then
    self:line("do return %s end", insn.k ~= 0)
  else
    self:line("do return %s ~= 0 end", a.text)
  end
  return true
end

return instruction
