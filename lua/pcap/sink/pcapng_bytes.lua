--- Numbers, options and blocks of a pcapng file as bytes, in this machine's byte order.

local ffi = require "ffi"

local bytes = {}

--- The longest block that is written, in bytes. Libpcap reads no longer ones.
bytes.MAX_BLOCK = 16 * 1024 * 1024
--- The bytes of the longest value that an option can have.
bytes.MAX_OPTION = 65535

local function packer(ctype, size)
  local one = ffi.new(ctype .. "[1]")
  return function(value)
    one[0] = value
    return ffi.string(one, size)
  end
end

bytes.u16 = packer("uint16_t", 2)
bytes.u32 = packer("uint32_t", 4)
-- Takes numbers, and cdata from 2^53 on.
bytes.u64 = packer("uint64_t", 8)
bytes.i64 = packer("int64_t", 8)

--- The bytes, padded to a multiple of four.
function bytes.padded(text)
  return text .. ("\0"):rep(-#text % 4)
end

--- A list of options.
---@param list { code: integer, value: string }[]
---@return string|nil text
---@return string|nil message  an option is too long
function bytes.options(list)
  local parts = {}
  for _, option in ipairs(list) do
    local value = option.value
    if #value > bytes.MAX_OPTION then
      return nil, ("text of %d bytes is longer than the %d that an option holds")
        :format(#value, bytes.MAX_OPTION)
    end
    parts[#parts + 1] = bytes.u16(option.code) .. bytes.u16(#value) .. bytes.padded(value)
  end
  return #parts == 0 and "" or table.concat(parts) .. ("\0"):rep(4)
end

--- A block.
---@param kind integer
---@param body string
---@return string|nil text
---@return string|nil message  it is too long
function bytes.block(kind, body)
  body = bytes.padded(body)
  local length = #body + 12
  if length > bytes.MAX_BLOCK then
    return nil, ("block of %d bytes is longer than %d"):format(length, bytes.MAX_BLOCK)
  end
  length = bytes.u32(length)
  return bytes.u32(kind) .. length .. body .. length
end

return bytes
