-- Compares translated BPF programs with libpcap's interpreter, over random programs and over
-- filter expressions. The suite runs a short form; the full one is
--   luajit [-joff] spec/campaign/bpf_campaign.lua [programs] [seed]
local reference = require "spec.bpf_reference"
local programs = require "spec.campaign.bpf_programs"
local savefile = require "spec.support.savefile"
local bpf = require "pcap.filter.bpf"

local campaign = {}

---@class campaign.tally
---@field programs integer translated and compared
---@field comparisons integer
---@field accepted integer comparisons where libpcap accepted
---@field differences string[] descriptions
---@field untranslated string[] reasons
---@field refused string[] expressions that this libpcap does not compile

local function new_tally()
  return {
    programs = 0, comparisons = 0, accepted = 0,
    differences = {}, untranslated = {}, refused = {},
  }
end

-- A chunk of its own for each program, whose loop becomes hot and is compiled with it.
local LOOP = [[
  local match, packets, answers = ...
  for round = 1, 3 do
    for i = 1, #packets do
      local packet = packets[i]
      answers[i] = match(packet.data, packet.caplen, packet.wirelen)
    end
  end
]]

local function listing(insns, n)
  local lines = {}
  for i = 0, n - 1 do
    local insn = insns[i]
    lines[#lines + 1] = ("    {0x%02x, %d, %d, 0x%x},"):format(insn.code, insn.jt, insn.jf, insn.k)
  end
  return table.concat(lines, "\n")
end

--- Compares one program over all packets; what it finds goes into the tally.
---@param tally campaign.tally
---@param name string
---@param insns ffi.cdata*
---@param n integer
---@param packets reference.packet[]
function campaign.compare(tally, name, insns, n, packets)
  local match, reason = bpf.translate(insns, n)
  if not match then
    tally.untranslated[#tally.untranslated + 1] = name .. ": " .. reason
    return
  end
  local answers = {}
  loadstring(LOOP, "=(campaign loop)")(match, packets, answers)
  local interpret = reference.interpreter(insns, n)
  tally.programs = tally.programs + 1
  for i, packet in ipairs(packets) do
    local accepts = interpret(packet) ~= 0
    tally.comparisons = tally.comparisons + 1
    tally.accepted = tally.accepted + (accepts and 1 or 0)
    if answers[i] ~= accepts then
      local format = "%s: libpcap says %s of packet %d (caplen %d, wirelen %d)\n%s\n%s"
      table.insert(tally.differences, format:format(name, tostring(accepts), i, packet.caplen,
        packet.wirelen, listing(insns, n), bpf.source(insns, n)))
      return
    end
  end
end

--- Every packet of every capture at hand.
---@return reference.packet[]
function campaign.captured_packets()
  local packets = {}
  for _, path in ipairs(savefile.real()) do
    for _, packet in ipairs((reference.read(path))) do
      packets[#packets + 1] = packet
    end
  end
  return packets
end

local function random_packets(rng, count)
  local packets = {}
  for i = 1, count do
    packets[i] = programs.packet(rng)
  end
  return packets
end

--- Random programs, each as it is and with a probe of its result; the packets change often.
---@param count integer
---@param seed integer
---@param captured reference.packet[]
---@return campaign.tally
function campaign.random_programs(count, seed, captured)
  local tally, rng, packets = new_tally(), programs.random(seed), nil
  while tally.programs + #tally.untranslated < count do
    if not packets or rng:chance(1) then
      packets = random_packets(rng, 16)
      for _ = 1, #captured > 0 and 8 or 0 do
        packets[#packets + 1] = rng:pick(captured)
      end
    end
    local rows = programs.program(rng)
    local name = ("program %d of seed %d"):format(tally.programs + 1, seed)
    local insns, n = reference.assemble(rows)
    campaign.compare(tally, name, insns, n, packets)
    local result = reference.interpreter(insns, n)(rng:pick(packets))
    if result ~= 0 then
      insns, n = reference.assemble(programs.probed(rng, rows, result))
      campaign.compare(tally, name .. ", probed", insns, n, packets)
    end
  end
  return tally
end

--- The entries of spec/data/expressions.lua, always in the same order.
local function each_expression(visit)
  local lists, linktypes = require "spec.data.expressions", {}
  for linktype in pairs(lists) do
    linktypes[#linktypes + 1] = linktype
  end
  table.sort(linktypes)
  for _, linktype in ipairs(linktypes) do
    for _, expression in ipairs(lists[linktype]) do
      visit(linktype, expression)
    end
  end
end

--- All expressions, as libpcap optimizes them and as it does not.
---@param seed integer for the random packets
---@param captured reference.packet[]
---@return campaign.tally
function campaign.expressions(seed, captured)
  local tally = new_tally()
  local packets = random_packets(programs.random(seed), 40)
  for _, packet in ipairs(captured) do
    packets[#packets + 1] = packet
  end
  each_expression(function(linktype, expression)
    for _, way in ipairs({ "optimized", "raw" }) do
      local name = ("%s, %s: %s"):format(linktype, way, expression)
      local insns, n = reference.compile(expression, linktype, way == "raw")
      if insns then
        campaign.compare(tally, name, insns, n, packets)
      else
        table.insert(tally.refused, name .. ": " .. n)
      end
    end
  end)
  return tally
end

--- Lets few rounds suffice for the compiler, and counts what it makes.
---@return table<string, integer> counts of traces by "stop" and "abort"
function campaign.compile_eagerly()
  local counts = { stop = 0, abort = 0 }
  if jit.status() then
    jit.opt.start("hotloop=3", "hotexit=2")
    jit.attach(function(what)
      if counts[what] then
        counts[what] = counts[what] + 1
      end
    end, "trace")
  end
  return counts
end

local function report(title, tally)
  print(("%s: %d programs, %d comparisons (%d accepted), %d differences, %d left to libpcap, "
    .. "%d refused by it"):format(title, tally.programs, tally.comparisons, tally.accepted,
    #tally.differences, #tally.untranslated, #tally.refused))
  for _, list in ipairs({ tally.refused, tally.untranslated, tally.differences }) do
    for i = 1, math.min(#list, 10) do
      print("  " .. list[i])
    end
  end
  return #tally.differences == 0
end

local function main(count, seed)
  local captured, traces = campaign.captured_packets(), campaign.compile_eagerly()
  print(("seed %d, %d captured packets, JIT %s"):format(seed, #captured, jit.status() and "on"
    or "off"))
  local ok = report("expressions", campaign.expressions(seed, captured))
  ok = report("random", campaign.random_programs(count, seed, captured)) and ok
  print(("%d traces compiled, %d given up"):format(traces.stop, traces.abort))
  os.exit(ok and 0 or 1)
end

if arg and arg[0] and arg[0]:find("bpf_campaign%.lua$") then
  main(tonumber(arg[1]) or 100000, tonumber(arg[2]) or 20240229)
end

return campaign
