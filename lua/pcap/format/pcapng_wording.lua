--- Messages whose wording differs between libpcap's versions. The libpcap in use is asked once.

local ffi = require "ffi"
local cdefs = require "pcap.core.cdefs"
local shim = require "pcap.core.shim"

local wording = {}

local SECTION = ffi.new("uint32_t[7]", 0x0a0d0d0a, 28, 0x1a2b3c4d, ffi.abi("le") and 1 or 0x10000,
  0xffffffff, 0xffffffff, 28)
local INTERFACE = ffi.new("uint32_t[5]", 1, 20, ffi.abi("le") and 1 or 0x10000, 65535, 20)
-- A block of unknown type whose two lengths are 16 and 20.
local MISMATCH = ffi.new("uint32_t[4]", 0x7fff, 16, 0, 20)

local function ask(...)
  local parts = {}
  for i, block in ipairs { SECTION, INTERFACE, ... } do
    parts[i] = ffi.string(block, ffi.sizeof(block))
  end
  local text = table.concat(parts)
  local copy, message = ffi.new("uint8_t[?]", #text), ffi.new("char[?]", cdefs.ERRBUF_SIZE)
  ffi.copy(copy, text, #text)
  shim.luapcap_savefile_problem(copy, #text, message)
  return ffi.string(message)
end

local trailer_format

--- The message if a block's length at its end differs from the one at its start. Since 1.10.5 it
-- has both numbers.
---@param header integer
---@param trailer integer
---@return string
function wording.trailer(header, trailer)
  if not trailer_format then
    local text = ask(MISMATCH)
    trailer_format = text == "" and "block total length in header and trailer don't match"
      or text:gsub("%%", "%%%%"):gsub("16", "%%u"):gsub("20", "%%u")
  end
  return trailer_format:format(header, trailer)
end

return wording
