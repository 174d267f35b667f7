-- Makes random valid BPF programs and packets from a seed, for comparing ways to run them.
local reference = require "spec.bpf_reference"

local programs = {}

local ALU_K = { 0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x94, 0xa4 }
local ALU_X = { 0x0c, 0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x6c, 0x7c, 0x9c, 0xac }
local TESTS = { 0x15, 0x25, 0x35, 0x45, 0x1d, 0x2d, 0x3d, 0x4d }
local LOADS = { 0x20, 0x28, 0x30 }
local INDIRECT = { 0x40, 0x48, 0x50 }
local MOVES = { 0x07, 0x87, 0x07, 0x87, 0x84 }
local RET_A, RET_K, JA, ST, STX = 0x16, 0x06, 0x05, 0x02, 0x03
local AND_K, TAX = 0x54, 0x07

local EDGES = {
  0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 255, 256, 65535, 65536, 0x7ffffffe, 0x7fffffff,
  0x80000000, 0x80000001, 0xff000000, 0xfffff000, 0xfffffffe, 0xffffffff,
}

---@class campaign.random
local random = {}
random.__index = random

--- A generator of its own, as others may draw from `math.random` in between.
---@param seed integer not 0
---@return campaign.random
function programs.random(seed)
  return setmetatable({ state = bit.tobit(seed) }, random)
end

--- A whole number below `n`.
function random:below(n)
  local s = self.state
  s = bit.bxor(s, bit.lshift(s, 13))
  s = bit.bxor(s, bit.rshift(s, 17))
  s = bit.bxor(s, bit.lshift(s, 5))
  self.state = s
  return math.floor(s % 2 ^ 32 / 2 ^ 32 * n)
end

function random:pick(list)
  return list[self:below(#list) + 1]
end

function random:chance(percent)
  return self:below(100) < percent
end

--- A constant, of those where arithmetic and comparison change their behaviour.
function random:constant()
  local kind = self:below(10)
  if kind < 5 then
    return self:pick(EDGES)
  elseif kind < 8 then
    return self:below(300)
  end
  return self:below(2 ^ 32)
end

--- An offset, mostly within the packets that `programs.packet` makes or close to their end.
function random:offset()
  return self:chance(93) and self:below(40) or self:constant()
end

local function alu(rng)
  if rng:chance(45) then
    return { rng:pick(ALU_X) }
  end
  local code = rng:pick(ALU_K)
  local k = rng:constant()
  if code == 0x64 or code == 0x74 then
    k = rng:below(32)
  elseif k == 0 and (code == 0x34 or code == 0x94) then
    k = 3
  end
  return { code, 0, 0, k }
end

-- Words of scratch memory that a program has not written hold anything in libpcap 1.10.
local function scratch(rng, slots)
  if #slots == 0 then
    return { 0x80 }
  end
  return { rng:pick({ 0x60, 0x61, ST, STX }), 0, 0, rng:pick(slots) }
end

local function jump(rng, room)
  local function distance()
    return rng:below(rng:chance(70) and math.min(room, 4) or math.min(room, 256))
  end
  if rng:chance(8) then
    return { JA, 0, 0, distance() }
  end
  return { rng:pick(TESTS), distance(), distance(), rng:constant() }
end

local function plain(rng, slots)
  local kind = rng:below(100)
  if kind < 24 then
    return { rng:pick(LOADS), 0, 0, rng:offset() }
  elseif kind < 34 then
    return { rng:pick(INDIRECT), 0, 0, rng:offset() }
  elseif kind < 38 then
    return { 0xb1, 0, 0, rng:offset() }
  elseif kind < 46 then
    return { rng:pick({ 0x00, 0x01 }), 0, 0, rng:constant() }
  elseif kind < 50 then
    return { rng:pick({ 0x80, 0x81 }) }
  elseif kind < 62 then
    return scratch(rng, slots)
  elseif kind < 76 then
    return { rng:pick(MOVES) }
  end
  return alu(rng)
end

local function prologue(rng, rows)
  local slots = {}
  for slot = 0, 15 do
    if rng:chance(15) then
      slots[#slots + 1] = slot
      rows[#rows + 1] = { rng:pick({ 0x00, 0x01, 0x80, 0x81 }), 0, 0, rng:constant() }
      rows[#rows + 1] = { rng:pick({ ST, STX }), 0, 0, slot }
    end
  end
  return slots
end

--- A program that `bpf.check` accepts and that ends with RET A.
---@param rng campaign.random
---@return integer[][] rows as `reference.assemble` takes them
function programs.program(rng)
  local rows = {}
  local slots = rng:chance(40) and prologue(rng, rows) or {}
  local last = #rows + 1 + rng:below(rng:chance(90) and 20 or 80)
  while #rows < last do
    local room = last - #rows
    if rng:chance(22) then
      rows[#rows + 1] = jump(rng, room)
    elseif rng:chance(6) and room > 2 then
      -- An X that keeps the loads relative to it within the packet.
      rows[#rows + 1] = { AND_K, 0, 0, rng:below(40) }
      rows[#rows + 1] = { TAX }
    elseif rng:chance(2) then
      rows[#rows + 1] = rng:pick({ { RET_K, 0, 0, rng:below(2) }, { RET_A } })
    else
      rows[#rows + 1] = plain(rng, slots)
    end
  end
  rows[#rows + 1] = { RET_A }
  return rows
end

--- The program with a test of its result in place of the last instruction, since a filter
--- only shows whether the result is 0.
---@param rng campaign.random
---@param rows integer[][]
---@param result number what the program returned for some packet
---@return integer[][]
function programs.probed(rng, rows, result)
  local probed = {}
  for i = 1, #rows - 1 do
    probed[i] = rows[i]
  end
  probed[#rows] = { rng:pick({ 0x15, 0x15, 0x25, 0x35, 0x45 }), 0, 1, result }
  probed[#rows + 1] = { RET_K, 0, 0, 1 }
  probed[#rows + 2] = { RET_K, 0, 0, 0 }
  return probed
end

--- A packet of random bytes, of which some are more usual than others.
---@param rng campaign.random
---@return reference.packet
function programs.packet(rng)
  local bytes = {}
  for i = 1, rng:below(rng:chance(80) and 72 or 10) do
    bytes[i] = string.char(rng:chance(30) and rng:pick({ 0, 1, 4, 127, 128, 255 })
      or rng:below(256))
  end
  local wirelen = rng:chance(20) and rng:constant() or #bytes + rng:below(3)
  return reference.packet(table.concat(bytes), wirelen)
end

return programs
