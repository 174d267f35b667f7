local ffi = require "ffi"
local kept = require "pcap.format.pcapng_kept"

local function add(blocks, text, ...)
  blocks:add(ffi.cast("const uint8_t *", text), #text, ...)
end

local function list(blocks)
  local all = {}
  for body, size, swapped, first, second in blocks:each() do
    all[#all + 1] = { ffi.string(body, size), swapped, first, second }
  end
  return all
end

describe("Kept blocks", function()
  it("are as they were, whatever their length, with what is noted of them", function()
    local blocks, expected = kept.new(), {}
    assert.same({}, list(blocks))
    add(blocks, "", true)
    expected[1] = { "", true, 0, 0 }
    for size = 0, 300 do
      local text = ("x"):rep(size)
      add(blocks, text, size % 2 == 0, 2 ^ 32 - 1, 2 ^ 53 - size)
      table.insert(expected, { text, size % 2 == 0, 2 ^ 32 - 1, 2 ^ 53 - size })
    end
    assert.same(expected, list(blocks))
  end)

  it("take bounded memory, even if they are empty", function()
    local blocks = kept.new()
    for _ = 1, 1100000 do
      add(blocks, "", false)
    end
    assert.is_true(blocks.lost > 0)
    assert.is_true(blocks.room <= 32 * 2 ^ 20)
    local before = #list(blocks)
    assert.equal(1100000, before + blocks.lost)
    add(blocks, "one more", false)
    assert.equal(before, #list(blocks))
  end)
end)
