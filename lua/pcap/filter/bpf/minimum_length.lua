-- Finds how long a packet must be to stand a chance, so that one comparison of caplen can
-- stand in for those of many loads. That is exact because a filter has no side effects: a
-- packet that is too short is rejected all the same, sooner or later.

local NEVER = math.huge

--- For each instruction the number of captured bytes below which the program, run from
--- there, surely rejects; `math.huge` where it always does.
---@param program pcap.bpf.instruction[]
---@return table<integer, number> need
local function need_of(program)
  local need = {}
  -- Jumps lead forward only, so one walk from the end has seen all that follows.
  for i = program.n - 1, 0, -1 do
    local insn = program[i]
    if insn.kind == "return" then
      need[i] = (insn.from == "K" and insn.k == 0) and NEVER or 0
    elseif insn.kind == "jump" then
      need[i] = math.min(need[insn.yes], need[insn.no])
    elseif insn.size then
      -- X is unsigned: a load relative to it needs at least what it would with X = 0.
      need[i] = math.max(need[i + 1], insn.k + insn.size)
    else
      need[i] = need[i + 1]
    end
  end
  return need
end

return need_of
