-- Describes each opcode of libpcap's BPF interpreter, so that no other file needs to take opcodes
-- apart. An opcode without a description is not valid.
local opcode = {}

-- The values are those of <pcap/bpf.h>.
local SIZES = { [4] = 0x00, [2] = 0x08, [1] = 0x10 }
local WITH = { K = 0x00, X = 0x08 }
local ALU = {
  add = 0x00, sub = 0x10, mul = 0x20, div = 0x30, ["or"] = 0x40, ["and"] = 0x50,
  lsh = 0x60, rsh = 0x70, mod = 0x90, xor = 0xa0,
}
local TESTS = { eq = 0x10, gt = 0x20, ge = 0x30, set = 0x40 }

---@class pcap.bpf.instruction
---@field kind "load"|"store"|"alu"|"jump"|"return"|"move"
---@field into? "A"|"X" of a load or move
---@field from? "abs"|"ind"|"imm"|"mem"|"len"|"msh"|"A"|"X" of a load, store, move or return
---@field size? 1|2|4 bytes that a load from the packet takes
---@field op? string of alu: a key of the table above, or "neg"
---@field test? "always"|"eq"|"gt"|"ge"|"set" of a jump
---@field with? "K"|"X" second operand of alu and jump
---@field k? number the constant, unsigned
---@field yes? integer where a jump goes when its test holds
---@field no? integer where it goes otherwise

local shapes = {
  [0x00] = { kind = "load", into = "A", from = "imm" },
  [0x60] = { kind = "load", into = "A", from = "mem" },
  [0x80] = { kind = "load", into = "A", from = "len" },
  [0x01] = { kind = "load", into = "X", from = "imm" },
  [0x61] = { kind = "load", into = "X", from = "mem" },
  [0x81] = { kind = "load", into = "X", from = "len" },
  [0xb1] = { kind = "load", into = "X", from = "msh", size = 1 },
  [0x02] = { kind = "store", from = "A" },
  [0x03] = { kind = "store", from = "X" },
  [0x84] = { kind = "alu", op = "neg" },
  [0x05] = { kind = "jump", test = "always" },
  [0x06] = { kind = "return", from = "K" },
  [0x16] = { kind = "return", from = "A" },
  [0x07] = { kind = "move", into = "X", from = "A" },
  [0x87] = { kind = "move", into = "A", from = "X" },
}
for size, bits in pairs(SIZES) do
  shapes[0x20 + bits] = { kind = "load", into = "A", from = "abs", size = size }
  shapes[0x40 + bits] = { kind = "load", into = "A", from = "ind", size = size }
end
for with, source in pairs(WITH) do
  for op, bits in pairs(ALU) do
    shapes[0x04 + bits + source] = { kind = "alu", op = op, with = with }
  end
  for test, bits in pairs(TESTS) do
    shapes[0x05 + bits + source] = { kind = "jump", test = test, with = with }
  end
end

--- What every instruction with this opcode has in common.
---@param code integer
---@return pcap.bpf.instruction|nil shape nil if libpcap's interpreter does not know it
function opcode.shape(code)
  return shapes[code]
end

--- The jump targets of instruction `i`. They may be wrong: it is for `check` to find that.
---@param insn ffi.cdata*
---@param i integer
---@return integer yes
---@return integer no
function opcode.targets(insn, i)
  if shapes[insn.code].test == "always" then
    -- The offset is signed: `protochain` compiles to a jump backward.
    local to = i + 1 + bit.tobit(insn.k)
    return to, to
  end
  return i + 1 + insn.jt, i + 1 + insn.jf
end

--- A checked program as a table that counts from 0, as `tcpdump -d` does, to n - 1.
---@param insns ffi.cdata*
---@param n integer
---@return pcap.bpf.instruction[] program its length is in the field `n`
function opcode.decode(insns, n)
  local program = { n = n }
  for i = 0, n - 1 do
    local shape = shapes[insns[i].code]
    local insn = { k = insns[i].k }
    for field, value in pairs(shape) do
      insn[field] = value
    end
    if shape.kind == "jump" then
      insn.yes, insn.no = opcode.targets(insns[i], i)
    end
    program[i] = insn
  end
  return program
end

--- The first instruction that jumps backward, if one does.
---@param program pcap.bpf.instruction[]
---@return integer|nil i
function opcode.backward_jump(program)
  for i = 0, program.n - 1 do
    local to = program[i].yes
    if to and to <= i then
      return i
    end
  end
end

return opcode
