--- Reads numbers from a block's bytes, in the byte order of its section.

local bit = require "bit"
local ffi = require "ffi"

local bytes = {}

local LITTLE = ffi.abi("le")
local BIG_FIRST = { [false] = not LITTLE, [true] = LITTLE }

--- An unsigned number of 16 bits.
---@param at ffi.cdata*     const uint8_t *
---@param swapped boolean   whether the section has the other byte order than this machine
---@return integer
function bytes.u16(at, swapped)
  if BIG_FIRST[swapped] then
    return at[0] * 256 + at[1]
  end
  return at[1] * 256 + at[0]
end

--- An unsigned number of 32 bits.
---@return integer
function bytes.u32(at, swapped)
  if BIG_FIRST[swapped] then
    return at[0] * 16777216 + at[1] * 65536 + at[2] * 256 + at[3]
  end
  return at[3] * 16777216 + at[2] * 65536 + at[1] * 256 + at[0]
end

--- An unsigned number of 64 bits. It is cdata, because a Lua number cannot hold it.
---@return ffi.cdata* uint64_t
function bytes.u64(at, swapped)
  local first, second = bytes.u32(at, swapped), bytes.u32(at + 4, swapped)
  local high, low = first, second
  if not BIG_FIRST[swapped] then
    high, low = second, first
  end
  return bit.bor(bit.lshift(ffi.cast("uint64_t", high), 32), ffi.cast("uint64_t", low))
end

--- A number of 64 bits: a Lua number if that can hold it exactly, otherwise cdata.
---@param value ffi.cdata*  uint64_t or int64_t
---@return number|ffi.cdata*
function bytes.number(value)
  local number = tonumber(value)
  if number < 2 ^ 53 and number > -2 ^ 53 then
    return number
  end
  return value
end

return bytes
