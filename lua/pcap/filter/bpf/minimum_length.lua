-- Finds how long a packet must be to match at all. One comparison of caplen then replaces those of
-- many loads. That is exact, because a filter has no side effects: a packet that is too short is
-- rejected all the same, sooner or later.

local NEVER = math.huge

--- For each instruction, a number of captured bytes. With fewer, the program surely rejects the
--- packet when it runs from there. `math.huge` means that it always does.
---@param program pcap.bpf.instruction[]
---@return table<integer, number> minimum
local function minimum_length(program)
  local minimum = {}
  -- Jumps lead forward only, so a walk from the end has seen all that follows an instruction.
  for i = program.n - 1, 0, -1 do
    local insn = program[i]
    if insn.kind == "return" then
      minimum[i] = (insn.from == "K" and insn.k == 0) and NEVER or 0
    elseif insn.kind == "jump" then
      minimum[i] = math.min(minimum[insn.yes], minimum[insn.no])
    elseif insn.size then
      -- X is unsigned: a load relative to X needs at least what it needs if X = 0.
      minimum[i] = math.max(minimum[i + 1], insn.k + insn.size)
    else
      minimum[i] = minimum[i + 1]
    end
  end
  return minimum
end

return minimum_length
