--- An index of a savefile: where packets stand in it.
--
-- It has an entry for about every 64 KB of the file that has been read. When there are 65,536
-- entries, every second one is dropped, and the distance doubles. So its memory is bounded.

local ffi = require "ffi"

local index = {}

local SPACING, MOST = 65536, 65536

-- An entry is a place in the file where a packet or a block begins: its offset, how many packets
-- stand before it, and the latest of their times.
if not pcall(ffi.typeof, "luapcap_index_entry") then
  ffi.cdef [[typedef struct luapcap_index_entry { double offset, count, latest; }
    luapcap_index_entry;]]
end
local entries_type = ffi.typeof "luapcap_index_entry[?]"
local ENTRY_SIZE = ffi.sizeof "luapcap_index_entry"

local Index = {}
Index.__index = Index

--- Makes an index of a file of which nothing has been read.
---@param start number   the offset of the first packet or block
---@param blocks? table  what pcapng_position.lua notes
function index.new(start, blocks)
  local self = setmetatable({ blocks = blocks, entries = entries_type(64), room = 64, used = 1,
    spacing = SPACING,
    reached = entries_type(1), -- one more entry: how far the file has been read
  }, Index)
  local first = self.entries[0]
  first.offset, first.count, first.latest = start, 0, -math.huge
  self.reached[0] = first
  self.next = start + SPACING
  return self
end

local function thin_out(self)
  local entries = self.entries
  for i = 1, self.used / 2 - 1 do
    entries[i] = entries[2 * i]
  end
  self.used, self.spacing = self.used / 2, self.spacing * 2
end

local function add(self)
  if self.used == MOST then
    thin_out(self)
  elseif self.used == self.room then
    local larger = entries_type(2 * self.room)
    ffi.copy(larger, self.entries, self.used * ENTRY_SIZE)
    self.entries, self.room = larger, 2 * self.room
  end
  self.entries[self.used] = self.reached[0]
  self.used = self.used + 1
  self.next = self.reached[0].offset + self.spacing
end

--- Notes how far the file has been read.
---@param offset number  behind a packet
---@param count number   packets before it
---@param latest number  of their times
function Index:note(offset, count, latest)
  local reached = self.reached[0]
  reached.offset, reached.count, reached.latest = offset, count, latest
  if offset >= self.next then
    add(self)
  end
end

--- Takes over what another index has.
---@param entries ffi.cdata*  their doubles
---@param used integer        how many entries
---@param reached ffi.cdata*  the doubles of how far the file was read
function Index:take_over(entries, used, reached, spacing, next_offset)
  self.room = math.max(used, 64)
  self.entries = entries_type(self.room)
  ffi.copy(self.entries, entries, used * ENTRY_SIZE)
  ffi.copy(self.reached, reached, ENTRY_SIZE)
  self.used, self.spacing, self.next = used, spacing, next_offset
end

--- The last place that stands before a packet.
---@param packet number  the packet's number, from 1
---@param time number    or the first packet at or after this time, whichever comes first
---@return ffi.cdata* entry
function Index:before(packet, time)
  local reached, entries = self.reached[0], self.entries
  if reached.count < packet and reached.latest < time then
    return reached
  end
  local low, high = 0, self.used
  while high - low > 1 do
    local middle = math.floor((low + high) / 2)
    local entry = entries[middle]
    if entry.count < packet and entry.latest < time then
      low = middle
    else
      high = middle
    end
  end
  return entries[low]
end

return index
