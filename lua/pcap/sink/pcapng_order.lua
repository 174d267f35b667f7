--- Turns the numbers in options and blocks of the other byte order into this machine's order.

local ffi = require "ffi"
local blocks = require "pcap.sink.pcapng_blocks"
local bytes = require "pcap.sink.pcapng_bytes"
local reading = require "pcap.format.pcapng_options"

local order = {}

-- By an option's code, the lengths of the numbers in its value, from the value's start on.
local CUSTOM = { 4 }
local function layouts(known)
  for _, code in ipairs { 2988, 2989, 19372, 19373 } do
    known[code] = CUSTOM
  end
  return known
end

-- An eBPF verdict is a type and a number. A hardware verdict is only bytes.
local function verdict(value)
  local kind = value:byte()
  return (kind == 1 or kind == 2) and { 1, 8 } or {}
end

order.PACKET = layouts { [2] = { 4 }, [4] = { 8 }, [5] = { 8 }, [6] = { 4 }, [7] = verdict }
local SECTION = layouts {}
local INTERFACE = layouts { [8] = { 8 }, [14] = { 8 }, [16] = { 8 }, [17] = { 8 } }
local STATISTICS = layouts { [2] = { 4, 4 }, [3] = { 4, 4 }, [4] = { 8 }, [5] = { 8 }, [6] = { 8 },
  [7] = { 8 }, [8] = { 8 } }

-- By a block's type: the lengths of the numbers at its start; and the numbers in its options, if
-- options come next.
local BLOCKS = {
  [blocks.SECTION] = { { 4, 2, 2, 8 }, SECTION },
  [blocks.INTERFACE] = { { 2, 2, 4 }, INTERFACE },
  [blocks.STATISTICS] = { { 4, 4, 4 }, STATISTICS },
  [blocks.SECRETS] = { { 4, 4 } },
}

-- The bytes with the numbers at their start turned.
local function turned(text, sizes)
  local parts, at = {}, 1
  for i, size in ipairs(sizes) do
    parts[i] = text:sub(at, at + size - 1):reverse()
    at = at + size
  end
  return table.concat(parts) .. text:sub(at)
end

--- Turns the numbers in a list of options.
---@param list { code: integer, value: string }[]  changed
---@param known table  one of the tables above
function order.turn(list, known)
  for _, option in ipairs(list) do
    local sizes = known[option.code]
    if type(sizes) == "function" then
      sizes = sizes(option.value)
    end
    option.value = turned(option.value, sizes or {})
  end
end

local function turned_options(text, known)
  local list = reading.list(ffi.cast("const uint8_t *", text), #text, true)
  order.turn(list, known)
  return bytes.options(list)
end

-- Turns records of names. Each begins with a type and a length. A record of type 0 ends them.
local function turned_names(text)
  local parts, at, kind = {}, 1, nil
  while #text - at >= 3 and kind ~= 0 do
    local head = turned(text:sub(at, at + 3), { 2, 2 })
    local numbers = ffi.cast("const uint16_t *", head)
    kind = numbers[0]
    local behind = at + 4 + numbers[1] + -numbers[1] % 4
    parts[#parts + 1] = head .. text:sub(at + 4, behind - 1)
    at = behind
  end
  return table.concat(parts) .. turned_options(text:sub(at), SECTION)
end

--- Turns the body of a block whose layout is known here.
---@param kind integer
---@param body string  of the other byte order
---@return string|nil body
function order.turned(kind, body)
  if kind == blocks.NAMES then
    return turned_names(body)
  end
  local layout = BLOCKS[kind]
  if not layout then
    return nil
  end
  local head, size = turned(body, layout[1]), 0
  for _, part in ipairs(layout[1]) do
    size = size + part
  end
  if not layout[2] then
    return head
  end
  return head:sub(1, size) .. turned_options(body:sub(size + 1), layout[2])
end

return order
