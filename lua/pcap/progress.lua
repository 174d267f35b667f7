--- Progress: how far a savefile has been read, for who waits for it.

local capture = require "pcap.capture"
local check = require "pcap.check"

local Capture = capture.class

--- How far a savefile has been read, in bytes of the file as it lies there, compressed or not.
---@return integer|nil position
---@return integer|string|nil size  of the whole file, nil for a pipe; or the message
---ftello(3), fstat(2)
function Capture:progress()
  check.open(self, Capture, "progress")
  return self._source.progress(self)
end

return Capture
