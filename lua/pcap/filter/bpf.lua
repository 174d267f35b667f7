-- Runs classic BPF programs as Lua that LuaJIT compiles to machine code. Calling libpcap's
-- interpreter for each packet costs more than reading the packet.
local check = require "pcap.filter.bpf.validate"
local emit = require "pcap.filter.bpf.emit"
local opcode = require "pcap.filter.bpf.opcode"

local bpf = {}

-- A trace holds 500 snapshots, and each test of a filter takes one. LuaJIT interprets what does not
-- fit: 500 tests of a port were as slow as libpcap, 380 still 11 times faster.
bpf.MAX_INSTRUCTIONS = 512

--- Whether a program is safe to run. This checks all that `bpf_validate` does, and three things
--- more. Libpcap's interpreter knows each opcode (at others it calls `abort`). Constant shifts are
--- below 32 (beyond, C leaves the result open). No jump leads to itself.
--- Jumps backward are allowed, because `pcap_compile` emits them for `protochain`. It is not proved
--- that a program with such jumps ends, so take those from `pcap_compile` only.
---@param insns ffi.cdata* array of `{ uint16_t code; uint8_t jt, jf; uint32_t k; }`
---@param n integer number of instructions
---@return true|nil ok
---@return string? message names the instruction, counted from 0 as `tcpdump -d` does
function bpf.check(insns, n)
  return check(insns, n)
end

--- The Lua source of a chunk that returns `function(data, caplen, wirelen)`. That function answers
--- as `pcap_offline_filter` does, but with true or false.
---@param insns ffi.cdata* array of `{ uint16_t code; uint8_t jt, jf; uint32_t k; }`
---@param n integer number of instructions
---@return string|nil source nil if the program is wrong, or is better left to libpcap
---@return string? reason
function bpf.source(insns, n)
  local ok, message = check(insns, n)
  if not ok then
    return nil, message
  end
  if n > bpf.MAX_INSTRUCTIONS then
    return nil, ("%d instructions are more than the %d that compile to machine code")
      :format(n, bpf.MAX_INSTRUCTIONS)
  end
  local program = opcode.decode(insns, n)
  local from = opcode.backward_jump(program)
  if from then
    return nil, ("instruction %d jumps backward, and a loop would keep the caller's loop "
      .. "from being compiled"):format(from)
  end
  return emit(program)
end

--- The function of which `bpf.source` gives the text.
---@param insns ffi.cdata* array of `{ uint16_t code; uint8_t jt, jf; uint32_t k; }`
---@param n integer number of instructions
---@return (fun(data: ffi.cdata*, caplen: number, wirelen: number): boolean)|nil matches
---  `data` is a `const uint8_t *` with `caplen` bytes behind it, not NULL unless caplen is 0
---@return string? reason
function bpf.translate(insns, n)
  local source, reason = bpf.source(insns, n)
  if not source then
    return nil, reason
  end
  -- If the source exceeds a limit of LuaJIT's parser, that comes back here as an error message.
  local chunk, message = loadstring(source, "=(bpf filter)")
  if not chunk then
    return nil, message
  end
  return chunk()
end

return bpf
