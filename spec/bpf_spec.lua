-- Proves that a translated filter answers as libpcap's interpreter does, and that programs
-- which are not safe to run are refused.
local reference = require "spec.bpf_reference"
local campaign = require "spec.campaign.bpf_campaign"
local bpf = require "pcap.filter.bpf"

local SEED = 4213

local RET_A, ACCEPT, REJECT = { 0x16 }, { 0x06, 0, 0, 1 }, { 0x06, 0, 0, 0 }

local function translated(rows)
  return assert(bpf.translate(reference.assemble(rows)))
end

--- What both ways to run a program say about a packet, libpcap's first.
local function answers(rows, bytes, wirelen)
  local packet = reference.packet(bytes or "", wirelen)
  local insns, n = reference.assemble(rows)
  local expected = reference.interpreter(insns, n)(packet) ~= 0
  return expected, assert(bpf.translate(insns, n))(packet.data, packet.caplen, packet.wirelen)
end

--- Rows after which A holds `a`, and X holds `x`, in a way no translation can foresee: the
--- values are the packet's first eight bytes.
local function with_registers(rows)
  local all = { { 0x20, 0, 0, 4 }, { 0x07 }, { 0x20, 0, 0, 0 } }
  for _, row in ipairs(rows) do
    all[#all + 1] = row
  end
  return all
end

local function big_endian(value)
  return string.char(math.floor(value / 2 ^ 24), math.floor(value / 2 ^ 16) % 256,
    math.floor(value / 2 ^ 8) % 256, value % 256)
end

describe("bpf.check", function()
  local function refusal(rows)
    local ok, message = bpf.check(reference.assemble(rows))
    assert.is_nil(ok)
    return message
  end

  it("accepts what pcap_compile emits, loops of protochain included", function()
    for _, expression in ipairs({ "tcp port 80", "ip6 protochain 6", "ip[0] << 3 > len" }) do
      local insns, n = reference.compile(expression)
      assert.is_true(reference.validate(insns, n))
      assert.is_true(bpf.check(insns, n))
    end
  end)

  it("refuses an empty program", function()
    local ok, message = bpf.check(reference.assemble({}), 0)
    assert.is_nil(ok)
    assert.are.equal("the program is empty", message)
  end)

  it("names the instruction that is wrong, counting from 0", function()
    assert.are.equal("instruction 1: unknown opcode 0xff", refusal({ RET_A, { 0xff }, RET_A }))
  end)

  it("refuses scratch memory beyond the 16 words", function()
    for _, code in ipairs({ 0x60, 0x61, 0x02, 0x03 }) do
      assert.is_true(bpf.check(reference.assemble({ { code, 0, 0, 15 }, RET_A })))
      assert.matches("no word 16", refusal({ { code, 0, 0, 16 }, RET_A }))
      assert.matches("no word 4294967295", refusal({ { code, 0, 0, 0xffffffff }, RET_A }))
    end
  end)

  it("refuses division and remainder by a constant 0", function()
    assert.matches("division by zero", refusal({ { 0x34 }, RET_A }))
    assert.matches("division by zero", refusal({ { 0x94 }, RET_A }))
  end)

  it("refuses constant shifts by 32 and more, which C leaves undefined", function()
    assert.matches("shift by 32 bits", refusal({ { 0x64, 0, 0, 32 }, RET_A }))
    assert.matches("shift by 32 bits", refusal({ { 0x74, 0, 0, 32 }, RET_A }))
  end)

  it("refuses jumps out of the program and onto themselves", function()
    assert.matches("jump to 2", refusal({ { 0x15, 1, 0 }, ACCEPT }))
    assert.matches("jump to 2", refusal({ { 0x15, 0, 1 }, ACCEPT }))
    assert.matches("jump to 3", refusal({ { 0x05, 0, 0, 2 }, ACCEPT }))
    assert.matches("jump to %-1,", refusal({ { 0x05, 0, 0, 0xfffffffe }, ACCEPT }))
    assert.matches("jump to itself", refusal({ { 0x05, 0, 0, 0xffffffff }, ACCEPT }))
  end)

  it("refuses a program that does not end with a return", function()
    assert.matches("instruction 1: the last one", refusal({ ACCEPT, { 0x00 } }))
  end)

  it("refuses every opcode that bpf_validate does, at every place of its operands", function()
    for code = 0, 0x1ff do
      for _, k in ipairs({ 0, 1, 15, 16, 0x80000000, 0xffffffff }) do
        local insns, n = reference.assemble({ { code, 0, 1, k }, REJECT, ACCEPT })
        if bpf.check(insns, n) then
          assert.is_true(reference.validate(insns, n), ("opcode 0x%02x"):format(code))
        end
      end
    end
  end)
end)

describe("bpf.translate", function()
  it("accepts and rejects packets by a filter", function()
    local match = assert(bpf.translate(reference.compile("tcp dst port 80")))
    local frame = ("\0"):rep(12) .. "\8\0" .. "E\0\0\40\0\0\0\0\64\6\0\0"
      .. "\10\0\0\1\10\0\0\2" .. "\4\0\0\80" .. ("\0"):rep(16)
    local packet = reference.packet(frame)
    assert.is_true(match(packet.data, packet.caplen, packet.wirelen))
    assert.is_false(match(packet.data, 37, packet.wirelen))
  end)

  it("refuses a wrong program with the message of bpf.check", function()
    local match, reason = bpf.translate(reference.assemble({ { 0xff }, RET_A }))
    assert.is_nil(match)
    assert.are.equal("instruction 0: unknown opcode 0xff", reason)
  end)

  -- Not a skip: with the JIT off there is nothing to prove.
  local with_jit = jit.status() and it or function() end

  with_jit("compiles to machine code together with the loop that calls it", function()
    local match = assert(bpf.translate(reference.compile("tcp dst port 80 or net 10.0.0.0/8")))
    local packets = {}
    for i = 1, 200 do
      local source = i % 3 == 0 and "\10\0\0\1" or "\11\0\0\1"
      packets[i] = reference.packet(("\0"):rep(12) .. "\8\0E" .. ("\0"):rep(11) .. source
        .. ("\0"):rep(30))
    end
    local loops = 0
    local function count(what, trace)
      if what == "stop" and require("jit.util").traceinfo(trace).linktype == "loop" then
        loops = loops + 1
      end
    end
    jit.attach(count, "trace")
    local accepted = loadstring([[
      local match, packets = ...
      local accepted = 0
      for i = 1, 20 * #packets do
        local packet = packets[i % #packets + 1]
        if match(packet.data, packet.caplen, packet.wirelen) then
          accepted = accepted + 1
        end
      end
      return accepted
    ]])(match, packets)
    jit.attach(count)
    assert.are.equal(20 * 66, accepted)
    assert.is_true(loops >= 1)
  end)

  it("leaves loops to libpcap", function()
    local match, reason = bpf.translate(reference.compile("ip6 protochain 6"))
    assert.is_nil(match)
    assert.matches("jumps backward", reason)
  end)

  it("leaves programs that are too long for one trace to libpcap", function()
    local rows = {}
    for i = 1, bpf.MAX_INSTRUCTIONS do
      rows[i] = { 0x04, 0, 0, i }
    end
    rows[#rows + 1] = RET_A
    local match, reason = bpf.translate(reference.assemble(rows))
    assert.is_nil(match)
    assert.matches("^513 instructions", reason)
    table.remove(rows, 1)
    assert.is_function(bpf.translate(reference.assemble(rows)))
  end)

  it("finds scratch memory empty", function()
    assert.is_false(translated({ { 0x60, 0, 0, 5 }, RET_A })(nil, 0, 0))
  end)

  it("rejects at once a packet that no way through the program accepts", function()
    local source = bpf.source(reference.compile("ip proto 6"))
    local _, checks = source:gsub("caplen", "")
    assert.are.equal(2, checks, "the parameter and one comparison")
    assert.are.equal("return function(data, caplen, wirelen)\n  do return false end\nend\n",
      (bpf.source(reference.assemble({ { 0x28, 0, 0, 12 }, REJECT })):gsub("^.-\n", "")))
  end)
end)

describe("a translated program, as libpcap's interpreter,", function()
  local VALUES = { 0, 1, 2, 31, 32, 33, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffb,
    0xffffffff }

  local OPERATIONS = { add = 0x0c, subtract = 0x1c, multiply = 0x2c, divide = 0x3c,
    ["or"] = 0x4c, ["and"] = 0x5c, ["shift left"] = 0x6c, ["shift right"] = 0x7c,
    negate = 0x84, ["take remainders"] = 0x9c, xor = 0xac }

  --- Compares an operation on registers with these values, by testing for the exact result.
  local function compare_operation(code, a, x, set_registers)
    local packet = reference.packet(big_endian(a) .. big_endian(x))
    local function program(...)
      return set_registers({ { code }, ... })
    end
    local result = reference.interpreter(reference.assemble(program(RET_A)))(packet)
    local probe = program({ 0x15, 0, 1, result }, ACCEPT, REJECT)
    local expected = reference.interpreter(reference.assemble(probe))(packet) ~= 0
    assert.are.equal(expected, translated(probe)(packet.data, 8, 8),
      ("opcode 0x%02x of 0x%x and 0x%x"):format(code, a, x))
  end

  --- As `with_registers`, but the translation can foresee that the values are in the masks.
  local function with_masked_registers(a_mask, x_mask)
    return function(rows)
      local all = { { 0x20, 0, 0, 4 }, { 0x54, 0, 0, x_mask }, { 0x07 }, { 0x20, 0, 0, 0 },
        { 0x54, 0, 0, a_mask } }
      for _, row in ipairs(rows) do
        all[#all + 1] = row
      end
      return all
    end
  end

  for name, code in pairs(OPERATIONS) do
    it("can " .. name .. " in 32 bits without sign", function()
      for _, a in ipairs(VALUES) do
        for _, x in ipairs(VALUES) do
          compare_operation(code, a, x, with_registers)
        end
      end
    end)

    it("can " .. name .. " when the values are known to be small", function()
      for _, a_mask in ipairs({ 0xff, 0xfffffff, 0x7fffffff, 0xffffffff }) do
        for _, x_mask in ipairs({ 31, 32, 63, 0xffff, 0xfffffff }) do
          for _, value in ipairs({ 0, 0x89abcdef, 0xffffffff }) do
            compare_operation(code, 0xffffffff, value, with_masked_registers(a_mask, x_mask))
            compare_operation(code, value, 0xffffffff, with_masked_registers(a_mask, x_mask))
          end
        end
      end
    end)
  end

  for name, code in pairs({ ["equality"] = 0x1d, ["greater"] = 0x2d,
    ["greater or equal"] = 0x3d, ["common bits"] = 0x4d }) do
    it("tests for " .. name .. " without sign", function()
      for _, a in ipairs(VALUES) do
        for _, x in ipairs(VALUES) do
          local bytes = big_endian(a) .. big_endian(x)
          local by_x = with_registers({ { code, 0, 1 }, ACCEPT, REJECT })
          local by_k = with_registers({ { code - 8, 0, 1, x }, ACCEPT, REJECT })
          for _, rows in ipairs({ by_x, by_k }) do
            local expected, answer = answers(rows, bytes)
            assert.are.equal(expected, answer, ("0x%x and 0x%x"):format(a, x))
          end
        end
      end
    end)
  end

  it("loads up to the last captured byte and rejects beyond", function()
    for size, code in pairs({ [4] = 0x20, [2] = 0x28, [1] = 0x30 }) do
      local last = 10 - size
      for _, offset in ipairs({ 0, last, last + 1, 10, 11, 0x7fffffff, 0xfffffffc, 0xffffffff }) do
        local expected, answer = answers({ { code, 0, 0, offset }, ACCEPT }, ("x"):rep(10))
        assert.are.equal(expected, answer)
        assert.are.equal(offset <= last, answer)
      end
    end
  end)

  it("rejects loads relative to X where the sum would wrap", function()
    for _, code in ipairs({ 0x40, 0x48, 0x50 }) do
      for _, x in ipairs({ 0, 4, 7, 8, 0x7fffffff, 0xfffffffc, 0xffffffff }) do
        for _, offset in ipairs({ 0, 1, 4, 0x80000000, 0xfffffffc, 0xffffffff }) do
          local rows = with_registers({ { code, 0, 0, offset }, ACCEPT })
          local expected, answer = answers(rows, big_endian(1) .. big_endian(x))
          assert.are.equal(expected, answer, ("X 0x%x, offset 0x%x"):format(x, offset))
        end
      end
    end
  end)

  it("takes the length on the wire, not the captured one, for the length", function()
    local rows = { { 0x80 }, { 0x15, 0, 1, 0xfffffff0 }, ACCEPT, REJECT }
    local expected, answer = answers(rows, "abc", 0xfffffff0)
    assert.is_true(expected)
    assert.is_true(answer)
  end)
end)

describe("the campaign against libpcap's interpreter", function()
  local captured = campaign.captured_packets()

  it("finds no difference for filter expressions of many link types", function()
    local tally = campaign.expressions(SEED, captured)
    assert.are.same({}, tally.differences)
    assert.is_true(tally.programs > 1200, "programs compared: " .. tally.programs)
    for _, reason in ipairs(tally.untranslated) do
      assert.matches("protochain", reason)
    end
  end)

  it("finds no difference for random programs", function()
    local tally = campaign.random_programs(3000, SEED, captured)
    assert.are.same({}, tally.differences)
    assert.are.same({}, tally.untranslated)
    assert.is_true(tally.accepted > tally.comparisons / 10, "both answers occur")
  end)

  it("had captures of real packets to compare on", function()
    if #captured == 0 then
      pending("no captures in ../shared/captures or PCAP_CAPTURES")
    end
  end)
end)
