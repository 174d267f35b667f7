--- The options of a pcapng block. They are read only when somebody asks for them.
--
-- All functions take where the options start, how many bytes there are, and whether they have
-- the other byte order. If an option runs past the end of its block, those before it count.
--
-- The loops are made of `goto`. LuaJIT compiles a caller's loop with a few rounds of these in it,
-- but not with any other loop in it.

local ffi = require "ffi"
local bytes = require "pcap.format.pcapng_bytes"

local options = {}

local u16, u32, u64 = bytes.u16, bytes.u32, bytes.u64

local END, COMMENT, FLAGS, HASH, DROPPED, ID, VERDICT = 0, 1, 2, 3, 4, 5, 7
local DIRECTIONS = { "in", "out" }

-- The option at an offset: its code, its length, and the offset of the next one. Nil at the end of
-- the options; false and a message if the option runs past the block's end.
local function option_at(start, length, swapped, offset)
  local rest = length - offset
  if rest == 0 then
    return nil
  end
  if rest < 4 then
    return false, "an option's header runs out of its block"
  end
  local code, size = u16(start + offset, swapped), u16(start + offset + 2, swapped)
  local padded = size + -size % 4
  if padded > rest - 4 then
    return false, ("option %d has %d bytes, but its block only %d"):format(code, size, rest - 4)
  end
  if code == END then
    return nil
  end
  return code, size, offset + 4 + padded
end

--- All options, as they stand.
---@return { code: integer, value: string }[] list
---@return string? message  if an option runs past its block's end
function options.list(start, length, swapped)
  local list, offset = {}, 0
  ::again::
  local code, size, next_offset = option_at(start, length, swapped, offset)
  if code then
    list[#list + 1] = { code = code, value = ffi.string(start + offset + 4, size) }
    offset = next_offset
    goto again
  end
  return list, code == false and size or nil
end

--- Finds the first option of a code: where its value is, and how long that is.
---@return ffi.cdata*? value
---@return integer? size
function options.find(start, length, swapped, wanted)
  local offset = 0
  ::again::
  local code, size, next_offset = option_at(start, length, swapped, offset)
  if code == wanted then
    return start + offset + 4, size
  elseif code then
    offset = next_offset
    goto again
  end
end

--- Text as tshark shows it: up to the first zero byte, if there is one.
---@return string
function options.text(value, size)
  local text = ffi.string(value, size)
  local zero = text:find("\0", 1, true) -- string.match() would not compile
  return zero and text:sub(1, zero - 1) or text
end

--- The first comment.
---@return string?
function options.comment(start, length, swapped)
  local value, size = options.find(start, length, swapped, COMMENT)
  return value and options.text(value, size)
end

--- All comments, in the file's order.
---@return string[]
function options.comments(start, length, swapped)
  local list, offset = {}, 0
  ::again::
  local code, size, next_offset = option_at(start, length, swapped, offset)
  if code then
    if code == COMMENT then
      list[#list + 1] = options.text(start + offset + 4, size)
    end
    offset = next_offset
    goto again
  end
  return list
end

-- The value of an option that must have exactly `size` bytes.
local function fixed(start, length, swapped, wanted, size)
  local value, actual = options.find(start, length, swapped, wanted)
  return actual == size and value or nil
end

--- The packet's flags (epb_flags). The lowest two bits are the direction.
---@return integer?
function options.flags(start, length, swapped)
  local value = fixed(start, length, swapped, FLAGS, 4)
  return value and u32(value, swapped)
end

--- Whether the packet came in or went out.
---@return "in"|"out"|nil
function options.direction(start, length, swapped)
  local flags = options.flags(start, length, swapped)
  return flags and DIRECTIONS[flags % 4]
end

--- How many packets its interface lost between the previous packet and this one.
---@return integer?
function options.dropped(start, length, swapped)
  local value = fixed(start, length, swapped, DROPPED, 8)
  return value and bytes.number(u64(value, swapped))
end

--- The packet's identifier. A packet that was seen on several interfaces has the same one on each.
---@return integer|ffi.cdata*|nil  a uint64_t from 2^53 on
function options.id(start, length, swapped)
  local value = fixed(start, length, swapped, ID, 8)
  return value and bytes.number(u64(value, swapped))
end

-- The first option of a code whose first byte is a type.
local function typed(start, length, swapped, wanted)
  local value, size = options.find(start, length, swapped, wanted)
  if value and size >= 1 then
    return { type = value[0], data = ffi.string(value + 1, size - 1) }
  end
end

--- What was decided about the packet: type 0 is hardware, 1 Linux eBPF TC, 2 Linux eBPF XDP.
---@return { type: integer, data: string }?
function options.verdict(start, length, swapped)
  return typed(start, length, swapped, VERDICT)
end

--- The packet's hash: type 0 is a sum of two's complements, 1 XOR, 2 CRC32, 3 MD5, 4 SHA1, 5
-- Toeplitz.
---@return { type: integer, data: string }?
function options.hash(start, length, swapped)
  return typed(start, length, swapped, HASH)
end

return options
