-- Writes the Lua function for a checked BPF program whose jumps all lead forward. It passes over
-- the instructions once, and carries along the facts about registers and packet length.
local instruction = require "pcap.filter.bpf.instruction"
local facts_of = require "pcap.filter.bpf.facts"
local minimum_length = require "pcap.filter.bpf.minimum_length"
local expression = require "pcap.filter.bpf.expression"

-- What generated code may name. A chunk declares only what it uses.
local LIBRARY = {
  { "band", "bit.band" }, { "bor", "bit.bor" }, { "bxor", "bit.bxor" },
  { "lshift", "bit.lshift" }, { "rshift", "bit.rshift" }, { "tobit", "bit.tobit" },
  { "bswap", "bit.bswap" }, { "floor", "math.floor" },
  { "cast", "ffi.cast" }, { "int32", "ffi.typeof(\"const int32_t *\")" },
}

---@class pcap.bpf.emitter
---@field program pcap.bpf.instruction[]
---@field minimum table<integer, number>
---@field facts table<integer, pcap.bpf.facts> nil for an instruction that no packet reaches
---@field labelled table<integer, boolean>
---@field lines table<integer, string[]> by instruction, because its label is written last
---@field at integer the instruction being written
local emitter = {}
emitter.__index = emitter

function emitter:line(format, ...)
  local lines = self.lines[self.at]
  lines[#lines + 1] = format:format(...)
end

--- Records that instruction `to` can follow with the present facts.
function emitter:reach(to, facts)
  if self.facts[to] then
    self.facts[to]:weaken(facts)
  else
    self.facts[to] = facts:copy()
  end
end

--- A statement that goes on at instruction `to`.
function emitter:exit(to, facts)
  local insn = self.program[to]
  if self.minimum[to] == math.huge then
    return "return false"
  elseif insn.kind == "return" and insn.from == "K" then
    return "return true"
  end
  self:reach(to, facts)
  self.labelled[to] = true
  return "goto L" .. to
end

function emitter:leave(to, facts)
  if to == self.at + 1 and self.minimum[to] ~= math.huge then
    self:reach(to, facts)
  else
    self:line("do %s end", self:exit(to, facts))
  end
end

--- A statement that gives a register a value.
function emitter:assign(name, value, facts)
  self:line("%s = %s", name, value.text)
  facts:set(name, value.range)
end

--- Rejects a packet unless it has `count` bytes, or as many as it will need later anyway.
function emitter:require_captured(count, facts)
  if facts.captured < count then
    facts.captured = math.max(count, self.minimum[self.at])
    self:line("if caplen < %s then return false end", expression.literal(facts.captured))
  end
end

function emitter:instruction(i)
  local facts, insn = self.facts[i], self.program[i]
  self.at, self.lines[i] = i, {}
  local ended = instruction[insn.kind](self, insn, facts)
  if not ended then
    self:reach(i + 1, facts)
  end
end

function emitter:body()
  if self.minimum[0] == math.huge then
    return "  do return false end"
  end
  self.facts[0] = facts_of.at_start()
  local body = {}
  for i = 0, self.program.n - 1 do
    if self.facts[i] then
      self:instruction(i)
      if self.labelled[i] then
        body[#body + 1] = ("  ::L%d::"):format(i)
      end
      for _, line in ipairs(self.lines[i]) do
        body[#body + 1] = "  " .. line
      end
    end
  end
  return table.concat(body, "\n")
end

--- Lines that declare what the body names, and nothing else: LuaJIT allows only 60 upvalues.
local function declarations(body)
  local library, registers = {}, {}
  for _, entry in ipairs(LIBRARY) do
    if body:find("%f[%w]" .. entry[1] .. "%f[%W]") then
      library[#library + 1] = ("local %s = %s"):format(entry[1], entry[2])
    end
  end
  for _, name in ipairs(facts_of.REGISTERS) do
    if body:find("%f[%w]" .. name .. "%f[%W]") then
      registers[#registers + 1] = ("  local %s = 0"):format(name)
    end
  end
  return library, registers
end

--- The source of a chunk that returns the function.
---@param program pcap.bpf.instruction[] as `opcode.decode` makes it
---@return string
local function emit(program)
  local self = setmetatable({
    program = program, minimum = minimum_length(program), facts = {}, labelled = {}, lines = {},
  }, emitter)
  local body = self:body()
  local source, registers = declarations(body)
  table.insert(source, 1, 'local bit, ffi = require("bit"), require("ffi")')
  -- Registers are declared before every label: a goto must not lead into the scope of a local.
  source[#source + 1] = "return function(data, caplen, wirelen)"
  for _, line in ipairs(registers) do
    source[#source + 1] = line
  end
  source[#source + 1] = body
  source[#source + 1] = "end\n"
  return table.concat(source, "\n")
end

return emit
