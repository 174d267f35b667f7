--- An index that is kept in a file, for later programs.
--
-- It holds for one savefile of one size and date, read with one precision. Otherwise it is made
-- anew.
-- The file is a magic text, a checksum, and doubles in this machine's byte order: those of the
-- header, three for each entry, four for each block; then come the blocks' bytes.

local bit = require "bit"
local ffi = require "ffi"
local place = require "pcap.core.place"
local shim = require "pcap.core.shim"

local index_file = {}

local MAGIC = "luapcap1"
local HEADER, ENTRY, BLOCK = 13, 3, 4
local SIZE = 8
local BEHIND_MAGIC = 16 -- the magic text is followed by a checksum
local doubles_type = ffi.typeof "double[?]"
local doubles_pointer = ffi.typeof "const double *"
local words_pointer = ffi.typeof "const int32_t *"
local bytes_pointer = ffi.typeof "const uint8_t *"

-- What the index holds for: the savefile's size and date, and the precision of its times.
local function identity(self)
  local date = doubles_type(3)
  if shim.luapcap_file_date(shim.luapcap_input_fileno(self._input), date) ~= 0 then
    return nil
  end
  return date[0], date[1], date[2], shim.luapcap_get_tstamp_precision(self._handle)
end

-- A number times FNV's prime, 2^24 + 403, modulo 2^32.
local function multiply(number)
  return bit.tobit(bit.lshift(number, 24) + bit.tobit(number * 403))
end

-- A checksum (FNV-1a, of words) of a text behind so many bytes, as text.
local function checksum(text, from)
  local words, hash = ffi.cast(words_pointer, ffi.cast(bytes_pointer, text) + from), -2128831035
  for i = 0, math.floor((#text - from) / 4) - 1 do
    hash = multiply(bit.bxor(hash, words[i]))
  end
  return ("%08x"):format(hash % 2 ^ 32)
end

local function read(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  local text = file:read "*a"
  file:close()
  return text
end

-- Takes the blocks, whose numbers and bytes begin at two places.
local function take_blocks(blocks, numbers, count, bytes)
  for _ = 1, count do
    local size = numbers[3]
    blocks:add(bytes, size, numbers[2] ~= 0, numbers[0], numbers[1])
    numbers, bytes = numbers + BLOCK, bytes + size
  end
end

-- The sum of the blocks' sizes, or nil if one of them cannot be.
local function bytes_of(numbers, count)
  local sum = 0
  for i = 0, count - 1 do
    local size = numbers[i * BLOCK + 3]
    if not (size >= 0 and size <= 2 ^ 24 and size % 1 == 0) then
      return nil
    end
    sum = sum + size
  end
  return sum
end

local function is_count(number, most)
  return number >= 0 and number <= most and number % 1 == 0
end

-- Takes over an index from the text of a file, if that is whole and holds for the savefile.
local function take(known, text, self)
  if text:sub(1, #MAGIC) ~= MAGIC or #text < BEHIND_MAGIC + HEADER * SIZE
    or text:sub(#MAGIC + 1, BEHIND_MAGIC) ~= checksum(text, BEHIND_MAGIC) then
    return
  end
  local numbers = ffi.cast(doubles_pointer, ffi.cast(bytes_pointer, text) + BEHIND_MAGIC)
  local size, seconds, nanoseconds, precision = identity(self)
  local used, count = numbers[4], numbers[5]
  if size ~= numbers[0] or seconds ~= numbers[1] or nanoseconds ~= numbers[2]
    or precision ~= numbers[3] or not is_count(used, 65536) or used < 1
    or not is_count(count, known.blocks and 2 ^ 24 or 0)
    or #text < BEHIND_MAGIC + (HEADER + used * ENTRY + count * BLOCK) * SIZE then
    return
  end
  local entries = numbers + HEADER
  local blocks = entries + used * ENTRY
  local bytes = ffi.cast(bytes_pointer, blocks + count * BLOCK)
  local sum = bytes_of(blocks, count)
  if not sum or bytes + sum ~= ffi.cast(bytes_pointer, text) + #text then
    return
  end
  known:take_over(entries, used, numbers + HEADER - ENTRY, numbers[6], numbers[7])
  if known.blocks then
    take_blocks(known.blocks, blocks, count, bytes)
    known.blocks.behind, known.blocks.lost = numbers[8], numbers[9]
  end
  known.kept = known.reached[0].count
end

--- Takes over the index that is kept at a path, if there is one that holds.
---@param known table  of index.new()
---@param self table   the capture
function index_file.load(known, path, self)
  local text = read(path)
  if text then
    take(known, text, self) -- `text` stays alive in here
  end
end

-- Blocks as texts: their numbers, and their bytes.
local function pack_blocks(blocks)
  local numbers, heads, bodies = doubles_type(BLOCK), {}, {}
  for body, size, swapped, kind, at in blocks:each() do
    numbers[0], numbers[1], numbers[2], numbers[3] = kind, at, swapped and 1 or 0, size
    heads[#heads + 1] = ffi.string(numbers, BLOCK * SIZE)
    bodies[#bodies + 1] = ffi.string(body, size)
  end
  return heads, bodies
end

-- The index as text.
local function pack(known, self)
  local blocks, heads, bodies = known.blocks, {}, {}
  if blocks then
    heads, bodies = pack_blocks(blocks)
  end
  local header = doubles_type(HEADER)
  header[0], header[1], header[2], header[3] = identity(self)
  header[4], header[5] = known.used, #heads
  header[6], header[7] = known.spacing, known.next
  header[8], header[9] = blocks and blocks.behind or 0, blocks and blocks.lost or 0
  ffi.copy(header + HEADER - ENTRY, known.reached, ENTRY * SIZE)
  local text = ffi.string(header, HEADER * SIZE)
    .. ffi.string(known.entries, known.used * ENTRY * SIZE)
    .. table.concat(heads) .. table.concat(bodies)
  return MAGIC .. checksum(text, 0) .. text
end

local function write(path, text)
  local file, message = io.open(path, "wb")
  if not file then
    return nil, message
  end
  local done, problem = file:write(text)
  local closed, late = file:close()
  if not done or not closed then
    return nil, path .. ": " .. (problem or late)
  end
  return true
end

--- Keeps the index at a path, if it knows more than the one there. A file there that is no index
-- stays as it is.
---@return string|nil message  why it cannot be kept
function index_file.keep(known, path, self)
  if known.kept == known.reached[0].count or known.failed then
    return known.failed
  end
  local text = read(path)
  local new = ("%s.%s.part"):format(path, tostring(known):match "%x+$")
  local done, message
  if text and text ~= "" and text:sub(1, #MAGIC) ~= MAGIC then
    message = "it is no index: it stays as it is"
  else
    done, message = write(new, pack(known, self))
    if done then
      done, message = os.rename(new, path)
    end
    os.remove(new)
  end
  if done then
    known.kept = known.reached[0].count
    return nil
  end
  known.failed = "the index cannot be kept: " .. place.named({ name = path }, message)
  return known.failed
end

return index_file
