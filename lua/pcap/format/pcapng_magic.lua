--- How to tell a pcapng file by its first bytes, without the rest of the format.

local ffi = require "ffi"

local words_pointer = ffi.typeof("const uint32_t *")

-- A section header block's type. It is the same in either byte order.
local SECTION = 0x0a0d0d0a

return {
  MAGIC_SIZE = 4,
  HEADER_SIZE = 12,
  --- Whether the bytes begin a section header block.
  ---@param start ffi.cdata*  const uint8_t *, four of them
  ---@return boolean
  matches = function(start)
    return ffi.cast(words_pointer, start)[0] == SECTION
  end,
}
