--- Positions in a pcapng file: what the blocks before a position make of the packets behind it.
--
-- The interfaces of a section are known only to those who have read their blocks. So the blocks
-- that are no packets are noted once, as they are read, and read again when the position changes.
-- Then everything is as if the file had been read from its beginning up to there.

local ffi = require "ffi"
local kept = require "pcap.format.pcapng_kept"
local readers = require "pcap.format.pcapng_readers"

local by_type = readers.by_type

local position = {}

-- What the state of a file has at its beginning. Link types that were met stay known: filters for
-- them have been compiled.
local BEGINNING = { started = false, swapped = false, is_beyond = false, interface_room = 0 }
local UNKNOWN = { "first_linktype", "first_snaplen", "first_numbers", "minor", "interface_memory" }

local function begin(state, window)
  for key, value in pairs(BEGINNING) do
    state[key] = value
  end
  for _, key in ipairs(UNKNOWN) do
    state[key] = nil
  end
  state.interfaces = ffi.new("luapcap_interfaces")
  window.interfaces = state.interfaces
end

--- Remembers what is known at the window's position.
---@param state table  see new_state() in pcapng.lua
---@return table known  for put_back()
function position.save(state)
  local known = { state = {} }
  for key, value in pairs(state) do
    known.state[key] = value
  end
  known.metadata = state.metadata:forget()
  state.metadata:put_back(known.metadata)
  return known
end

--- Knows again what was known when save() was called.
function position.put_back(state, window, known)
  for _, key in ipairs(UNKNOWN) do
    state[key] = nil
  end
  for key, value in pairs(known.state) do
    state[key] = value
  end
  window.interfaces = state.interfaces
  state.metadata:put_back(known.metadata)
end

--- A store of the blocks that are no packets, as note() fills it.
function position.blocks()
  return kept.new()
end

--- Notes the blocks that are read from here on, or ends that.
---@param blocks? table  of blocks(). Those that stand before its `behind` are in it already.
function position.note(state, blocks)
  state.on_block = blocks and function(kind, offset, body, size, swapped)
    if offset >= (blocks.behind or 0) then
      blocks:add(body, size, swapped, kind, offset)
      blocks.behind = offset + size
    end
  end or nil
end

--- Knows what the blocks before an offset tell, and nothing else.
---@param blocks table   of note()
---@param offset number  of a block in the file
---@return boolean|nil true
---@return string|nil message  if there was no room to note all of them
function position.replay(state, window, blocks, offset)
  local before = state.metadata:forget()
  begin(state, window)
  for body, size, swapped, kind, at in blocks:each() do
    if at >= offset then
      break
    end
    by_type[kind](state, window, nil, body, size, swapped)
  end
  state.metadata:put_back { followers = before.followers }
  if blocks.lost > 0 then
    return nil, "more than 16 MB of blocks besides packets stand before the packet"
  end
  return true
end

return position
