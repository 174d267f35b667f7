--- Progress: how far a savefile has been read, for who waits for it.

local ffi = require "ffi"
local capture = require "pcap.capture"
local check = require "pcap.check"
local shim = require "pcap.shim"

local Capture = capture.class

--- How far a savefile has been read, in bytes of the file as it lies there, compressed or not.
---@return integer|nil position
---@return integer|string|nil size  of the whole file, nil for a pipe; or the message
---ftello(3), fstat(2)
function Capture:progress()
  local handle = check.open(self, Capture, "progress")
  if self._kind ~= "savefile" then
    return nil, tostring(self) .. " is not a file"
  end
  local numbers, blk = ffi.new("double[2]"), self._block
  shim.luapcap_progress(handle, self._stream, numbers, numbers + 1)
  local position, size = numbers[0], numbers[1]
  if self._memory.bytes then
    position = blk.offset + blk.pos
  end
  if position < 0 then
    return nil, self._name .. ": a pipe has no position"
  end
  return position, size >= 0 and size or nil
end

return Capture
