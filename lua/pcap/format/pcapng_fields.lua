--- Options of the blocks that are not packets: their names and what their values mean.

local ffi = require "ffi"
local bytes = require "pcap.format.pcapng_bytes"
local options = require "pcap.format.pcapng_options"

local fields = {}

local u32, u64 = bytes.u32, bytes.u64

local function text(value, size)
  return options.text(value, size)
end

local function byte(value, size)
  return size == 1 and value[0] or nil
end

local function long(value, size, swapped)
  return size == 8 and bytes.number(u64(value, swapped)) or nil
end

local function signed(value, size, swapped)
  return size == 8 and bytes.number(ffi.cast("int64_t", u64(value, swapped))) or nil
end

-- A time of a statistics block is two numbers of 32 bits. The upper one comes first in both byte
-- orders.
local function count(value, size, swapped)
  return size == 8 and u32(value, swapped) * 2 ^ 32 + u32(value + 4, swapped) or nil
end

local function hex(value, size, separator)
  local list = {}
  for i = 0, size - 1 do
    list[i + 1] = ("%02x"):format(value[i])
  end
  return table.concat(list, separator)
end

local function mac(value, size)
  return size == 6 and hex(value, 6, ":") or nil
end

local function eui(value, size)
  return size == 8 and hex(value, 8, ":") or nil
end

local function ipv4(value)
  return ("%d.%d.%d.%d"):format(value[0], value[1], value[2], value[3])
end

-- RFC 5952: the longest run of two or more groups of zeros is left out.
local function ipv6(value)
  local groups, best, best_length, run = {}, nil, 1, 0
  for i = 1, 8 do
    local group = value[2 * i - 2] * 256 + value[2 * i - 1]
    groups[i] = ("%x"):format(group)
    run = group == 0 and run + 1 or 0
    if run > best_length then
      best, best_length = i - run + 1, run
    end
  end
  if not best then
    return table.concat(groups, ":")
  end
  return table.concat(groups, ":", 1, best - 1) .. "::"
    .. table.concat(groups, ":", best + best_length)
end

local function ipv4_with_mask(value, size)
  return size == 8 and { address = ipv4(value), netmask = ipv4(value + 4) } or nil
end

local function ipv6_with_prefix(value, size)
  return size == 17 and { address = ipv6(value), prefix = value[16] } or nil
end

-- The first byte says what the rest is: 0 is a filter expression, 1 BPF instructions.
local function filter(value, size)
  if size < 1 then
    return nil
  end
  return value[0] == 0 and text(value + 1, size - 1) or ffi.string(value + 1, size - 1)
end

--- By the code of an option: the field's name, how its value is read, whether the field is a list.
fields.INTERFACE = {
  [1] = { "comments", text, true }, [2] = { "name", text }, [3] = { "description", text },
  [4] = { "addresses", ipv4_with_mask, true }, [5] = { "addresses", ipv6_with_prefix, true },
  [6] = { "mac", mac }, [7] = { "eui", eui }, [8] = { "speed", long }, [9] = { "tsresol", byte },
  [11] = { "filter", filter }, [12] = { "os", text }, [13] = { "fcslen", byte },
  [14] = { "tsoffset", signed }, [15] = { "hardware", text }, [16] = { "txspeed", long },
  [17] = { "rxspeed", long },
}
fields.SECTION = {
  [1] = { "comments", text, true }, [2] = { "hardware", text }, [3] = { "os", text },
  [4] = { "application", text },
}
fields.STATISTICS = {
  [2] = { "started", count }, [3] = { "ended", count }, [4] = { "received", long },
  [5] = { "dropped", long }, [6] = { "accepted", long }, [7] = { "os_dropped", long },
  [8] = { "delivered", long },
}

--- Reads options into a table of fields. `comment` is the first of `comments`.
---@param known table      one of the tables above
---@param start ffi.cdata* const uint8_t *
---@param length integer
---@param swapped boolean
---@return table
function fields.read(known, start, length, swapped)
  local found = {}
  for _, option in ipairs((options.list(start, length, swapped))) do
    local field = known[option.code]
    local value = field and field[2](ffi.cast("const uint8_t *", option.value), #option.value,
      swapped)
    if value and field[3] then
      found[field[1]] = found[field[1]] or {}
      table.insert(found[field[1]], value)
    elseif value and found[field[1]] == nil then
      found[field[1]] = value
    end
  end
  found.comment = found.comments and found.comments[1]
  return found
end

-- The names of a record. Each ends with a zero byte.
local function split(value, size)
  local names = {}
  for name in ffi.string(value, size):gmatch("[^%z]+") do
    names[#names + 1] = name
  end
  return names
end

-- By the type of a name record: how long the address is, and how it is shown.
local ADDRESSES = { { 4, ipv4 }, { 16, ipv6 }, { 6, mac }, { 8, eui } }

--- One record of a name resolution block.
---@return { address: string, names: string[] }?
function fields.name_record(kind, value, size)
  local address = ADDRESSES[kind]
  if address and size >= address[1] then
    return { address = address[2](value, address[1]),
      names = split(value + address[1], size - address[1]) }
  end
end

return fields
