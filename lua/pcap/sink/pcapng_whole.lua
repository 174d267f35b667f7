--- Whether a section can be added to a pcapng file. The file must have this machine's byte order,
-- because libpcap wants the same order in all sections. Its blocks must be whole up to its end.

local ffi = require "ffi"
local bytes = require "pcap.format.pcapng_bytes"

local whole = {}

local BUFFER = 65536
local SMALLEST, AROUND = 12, 12
local SECTION, MAGIC, OTHER_MAGIC = 0x0a0d0d0a, 0x1a2b3c4d, 0x4d3c2b1a

local function number(text)
  return bytes.u32(ffi.cast("const uint8_t *", text), false)
end

-- Whether the next block of a file is whole. Nil at the file's end.
local function has_block(file)
  local head = file:read(8)
  if not head then
    return nil
  end
  local length = #head == 8 and number(head:sub(5)) or 0
  if length < SMALLEST or length % 4 ~= 0 or not file:seek("cur", length - AROUND) then
    return false
  end
  local trailer = file:read(4)
  return trailer ~= nil and #trailer == 4 and number(trailer) == length
end

local function problem(file)
  local start = file:read(12) or ""
  local magic = #start == 12 and number(start) == SECTION and number(start:sub(9))
  if magic == OTHER_MAGIC then
    return "the file has another byte order than this machine"
  elseif magic ~= MAGIC then
    return "not a pcapng file"
  end
  file:seek "set"
  local more, offset
  repeat
    offset = file:seek()
    more = has_block(file)
  until not more
  return more == false and ("the block at offset %.0f is not whole"):format(offset) or nil
end

--- Checks a file.
---@param path string
---@return boolean|nil true
---@return string|nil message
function whole.check(path)
  local file, message = io.open(path, "rbe") -- "e": programs that we start do not inherit it
  if not file then
    local prefix = path .. ": "
    return nil, message:sub(1, #prefix) == prefix and message:sub(#prefix + 1) or message
  end
  file:setvbuf("full", BUFFER)
  local found = problem(file)
  file:close()
  return not found or nil, found
end

return whole
