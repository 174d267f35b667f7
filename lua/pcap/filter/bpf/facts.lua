-- Holds what is certain about registers and packet length at one point of a BPF program.
local range = require "pcap.filter.bpf.range"
local expression = require "pcap.filter.bpf.expression"

---@class pcap.bpf.facts
---@field captured number the packet has at least so many bytes
---@field ahead number it has at least so many bytes from offset X on, or UNKNOWN
---@field [string] pcap.bpf.range of the register of this name
local facts = {}
facts.__index = facts

facts.UNKNOWN = -1

facts.REGISTERS = { "A", "X" }
for i = 0, 15 do
  table.insert(facts.REGISTERS, "M" .. i)
end

--- What is certain before the first instruction. Scratch memory is 0, as in newer versions of
--- libpcap. In 1.10 it has what the stack held, so no program can rely on anything but 0.
---@return pcap.bpf.facts
function facts.at_start()
  local self = setmetatable({ captured = 0, ahead = facts.UNKNOWN }, facts)
  for _, name in ipairs(facts.REGISTERS) do
    self[name] = range.new(0, 0)
  end
  return self
end

---@return pcap.bpf.facts
function facts:copy()
  local twin = setmetatable({}, facts)
  for field, value in pairs(self) do
    twin[field] = value
  end
  return twin
end

--- Drops the facts that do not hold on another way to the same instruction.
---@param other pcap.bpf.facts
function facts:weaken(other)
  self.captured = math.min(self.captured, other.captured)
  self.ahead = math.min(self.ahead, other.ahead)
  for _, name in ipairs(facts.REGISTERS) do
    self[name] = range.union(self[name], other[name])
  end
end

--- What an instruction reads: the register, or a literal if its value is certain.
---@param name string
---@return pcap.bpf.expression
function facts:read(name)
  local k = range.constant(self[name])
  return k and expression.constant(k) or { text = name, range = self[name] }
end

--- Records that a register has a new value.
---@param name string
---@param r pcap.bpf.range
function facts:set(name, r)
  self[name] = r
  if name == "X" then
    self.ahead = facts.UNKNOWN
  end
end

return facts
