--- Keeps blocks as they stand, in one piece of memory that grows.
--
-- A file may have any number of them. They are kept up to 16 MB, the length of the longest block
-- that is accepted. What is noted beside a block counts too, because blocks may be empty. Later
-- blocks are counted, not kept.

local bit = require "bit"
local ffi = require "ffi"

local kept = {}

local LIMIT = 16 * 1024 * 1024
local array = ffi.typeof("uint8_t[?]")

-- What is noted before each body. A swapped block's size is noted with SWAPPED more.
local note = ffi.typeof("struct { uint32_t size, first; double second; }")
local SWAPPED = 2 ^ 31
local note_pointer, NOTE = ffi.typeof("$ *", note), ffi.sizeof(note)

local Kept = {}
Kept.__index = Kept

function kept.new()
  return setmetatable({ used = 0, room = 0, lost = 0 }, Kept)
end

--- Keeps the body of a block.
---@param body ffi.cdata*  const uint8_t *
---@param size integer
---@param swapped boolean
---@param first? integer   what else is noted of the block: a number of 32 bits
---@param second? integer  and one of 53
function Kept:add(body, size, swapped, first, second)
  local used = self.used
  local after = used + NOTE + bit.band(size + 3, -4)
  if self.lost > 0 or after > LIMIT then
    self.lost = self.lost + 1
    return
  end
  if after > self.room then
    local room = math.max(2 * self.room, after, 256)
    local memory = array(room)
    if used > 0 then
      ffi.copy(memory, self.memory, used)
    end
    self.memory, self.room = memory, room
  end
  local its = ffi.cast(note_pointer, self.memory + used)
  its.size = size + (swapped and SWAPPED or 0)
  its.first, its.second = first or 0, second or 0
  ffi.copy(self.memory + used + NOTE, body, size)
  self.used = after
end

--- Iterates over what is kept: body, size, swapped, first, second.
function Kept:each()
  local offset = 0
  return function()
    if offset < self.used then
      local its = ffi.cast(note_pointer, self.memory + offset)
      local body = self.memory + offset + NOTE
      local swapped = its.size >= SWAPPED
      local size = swapped and its.size - SWAPPED or its.size
      offset = offset + NOTE + bit.band(size + 3, -4)
      return body, size, swapped, its.first, its.second
    end
  end
end

return kept
