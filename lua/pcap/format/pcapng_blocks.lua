--- The blocks of a pcapng file, one at a time: whether they are whole, and what stands in them.

local bytes = require "pcap.format.pcapng_bytes"
local failure = require "pcap.core.failure"
local interface_block = require "pcap.format.pcapng_interface"
local readers = require "pcap.format.pcapng_readers"
local wording = require "pcap.format.pcapng_wording"

local blocks = {
  --- The longest block that is accepted, in bytes. It is libpcap's. Link types whose packets may be
  -- longer raise it.
  MAX_BLOCK = 16 * 1024 * 1024,
}

local SECTION, MAGIC, SWAPPED_MAGIC = 0x0a0d0d0a, 0x1a2b3c4d, 0x4d3c2b1a
local MIN_SECTION, MAX_SECTION = 28, 1024 * 1024
local HEADER = 8 -- a block's type and length
local u32 = bytes.u32
local fail, worded, by_type = readers.fail, readers.worded, readers.by_type

-- What is wrong with a block's length, in libpcap's words.
local function length_problem(length, max)
  if length < 12 then
    return ("block in pcapng dump file has a length of %u < 12"):format(length)
  elseif length % 4 ~= 0 then
    return ("block in pcapng dump file has a length of %u that is not a multiple of 4")
      :format(length)
  elseif length > max then
    return ("pcapng block size %u > maximum %u"):format(length, max)
  end
end

local function first_length_problem(length)
  if length < MIN_SECTION or length > MAX_SECTION then
    return ("Section Header Block in pcapng dump file has invalid length %u < _%u_ < %u "
      .. "(BT_SHB_INSANE_MAX)"):format(MIN_SECTION, length, MAX_SECTION)
  end
end

-- Whether the block at the start has the other byte order. A section header tells its own. Nil if
-- more bytes are needed.
local function byte_order(state, start, rest)
  if u32(start, false) ~= SECTION then
    return state.swapped
  elseif rest < 12 then
    return nil
  end
  local magic = u32(start + 8, false)
  if magic == MAGIC then
    return false
  elseif magic == SWAPPED_MAGIC then
    return true
  end
  return state.swapped
end

-- The block at the window's position: its type, its length, and whether it is swapped. If its
-- length is wrong, nil and the problem. If it is not whole, nil alone.
local function block_at(state, window)
  local start, rest = window.bytes + window.pos, window.len - window.pos
  if rest < HEADER then
    return nil
  end
  local swapped = byte_order(state, start, rest)
  if swapped == nil then
    return nil
  end
  local kind, length = u32(start, swapped), u32(start + 4, swapped)
  local problem
  if state.started then
    problem = length_problem(length, state.max_block)
  else
    problem = first_length_problem(length)
  end
  if problem or length > rest then
    return nil, problem, swapped
  end
  return kind, length, swapped
end

--- Whether the block at the position may be whole with more bytes.
function blocks.is_short(state, window)
  local kind, problem = block_at(state, window)
  return not kind and not problem
end

--- Reads the block at the window's position, of any type. After an error the window moves to where
-- libpcap reads on: past the header if the block's length is wrong, otherwise past the block.
---@param state table        see new_state() in pcapng.lua
---@param window ffi.cdata*  luapcap_window
---@param pkt ffi.cdata*     luapcap_packet
---@return "packet"|"skipped"|"more"|"error" outcome  "more": it is not whole, nothing has changed
---@return string? message   for "error"
function blocks.step(state, window, pkt)
  local kind, length, swapped = block_at(state, window)
  if not kind and not length then
    return "more"
  end
  readers.note_order(state, swapped)
  local outcome, message
  if not kind then
    outcome, message = fail(state, window, "%s", length)
    window.pos = window.pos + HEADER
    return outcome, message
  end
  local start = window.bytes + window.pos
  local trailer = u32(start + length - 4, swapped)
  if state.started and trailer ~= length then
    outcome, message = fail(state, window, "%s", wording.trailer(length, trailer))
  elseif by_type[kind] then
    outcome, message = by_type[kind](state, window, pkt, start + HEADER, length - 12, swapped)
    if state.on_block and outcome == "skipped" then
      state.on_block(kind, window.offset + window.pos, start + HEADER, length - 12, swapped)
    end
  else
    state.metadata:add_block(kind, start, length, swapped)
    outcome = "skipped"
  end
  window.pos = window.pos + length
  return outcome, message
end

local BESIDE_PACKETS = { [1] = true, [4] = true, [5] = true, [10] = true }

--- Reads the blocks in the window that come before the next packet. So a file's interfaces are
-- known before its packets are read. It stops before a block that is wrong.
function blocks.read_ahead(state, window)
  while true do
    local before = window.pos
    local kind, length, swapped = block_at(state, window)
    local body = window.bytes + before + HEADER
    if not BESIDE_PACKETS[kind] or kind == 1
      and (length < 20 or interface_block.problem(body, length - 12, swapped)) then
      return
    end
    if blocks.step(state, window) == "error" then
      window.pos = before
      return
    end
  end
end

--- Why reading ends at the end of the window. Nil if no block is cut short.
---@return string? message  libpcap's
function blocks.ended(state, window)
  local start, rest = window.bytes + window.pos, window.len - window.pos
  if window.problem ~= 0 then
    return worded(state, window, "error reading dump file: " .. failure.system(window.problem))
  elseif rest == 0 then
    return not state.first_linktype
      and "the capture file has no Interface Description Blocks" or nil
  end
  local wanted, got = HEADER, rest
  if rest >= HEADER then
    local swapped = byte_order(state, start, rest)
    if swapped == nil then
      swapped = state.swapped
    end
    readers.note_order(state, swapped)
    local length = u32(start + 4, swapped)
    local read = state.started and HEADER or 12
    wanted, got = length - read, rest - read
  end
  return worded(state, window, ("truncated pcapng dump file; tried to read %u bytes, only got %u")
    :format(wanted, got))
end

return blocks
