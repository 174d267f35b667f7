--- Keeps the blocks of a file that are no packets, with their places, for pcapng_position.lua.
--
-- They are kept up to 16 MB. Later blocks are counted, not kept.

local ffi = require "ffi"

local journal = {}

local LIMIT = 16 * 1024 * 1024
local array = ffi.typeof("uint8_t[?]")

local Journal = {}
Journal.__index = Journal

function journal.new()
  return setmetatable({ used = 0, room = 0, lost = 0, sizes = {}, orders = {}, extras = {} },
    Journal)
end

--- Keeps the body of a block.
---@param body ffi.cdata*  const uint8_t *
---@param size integer
---@param swapped boolean
---@param extra any        what else belongs to the block
function Journal:add(body, size, swapped, extra)
  local used = self.used
  if self.lost > 0 or used + size > LIMIT then
    self.lost = self.lost + 1
    return
  end
  if used + size > self.room then
    local room = math.max(2 * self.room, used + size, 256)
    local memory = array(room)
    if used > 0 then
      ffi.copy(memory, self.memory, used)
    end
    self.memory, self.room = memory, room
  end
  ffi.copy(self.memory + used, body, size)
  self.used = used + size
  local count = #self.sizes + 1
  self.sizes[count], self.orders[count], self.extras[count] = size, swapped, extra or false
end

--- Iterates over what is journal: body, size, swapped, extra.
function Journal:each()
  local index, offset = 0, 0
  return function()
    index = index + 1
    local size = self.sizes[index]
    if size then
      local body = self.memory + offset
      offset = offset + size
      return body, size, self.orders[index], self.extras[index]
    end
  end
end

return journal
