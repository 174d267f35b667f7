--- The bytes of a savefile that comes in pieces. They go into a window; what is compressed waits in
-- an input (shim/input.c), which unpacks no more of it than is read.

local ffi = require "ffi"
local failure = require "pcap.core.failure"
local shim = require "pcap.core.shim"

local pieces = {}

local MORE = require("pcap.core.status").MORE
-- So many bytes tell whether a file is compressed.
local MAGIC_SIZE = 6

-- Fields:
-- `start`: the first bytes, while they are too few to tell; then false;
-- `input`: of a compressed file; or false;
-- `is_finished`: no more will come.
local Pieces = {}
Pieces.__index = Pieces

--- Makes the pieces of a file of which none has come.
---@return table
function pieces.new()
  return setmetatable({ start = "", input = false, is_finished = false }, Pieces)
end

-- Takes bytes of which it is known whether they are compressed.
local function put(self, window, bytes)
  local status
  if self.input then
    status = shim.luapcap_input_add(self.input, bytes, #bytes)
  else
    status = shim.luapcap_window_add(window, bytes, #bytes)
  end
  if status ~= 0 then
    return nil, failure.system()
  end
  return true
end

-- Takes the first bytes.
local function put_start(self, window)
  local start = self.start
  local input = shim.luapcap_input_of_pieces(start, #start)
  if input ~= nil then
    self.input = ffi.gc(input, shim.luapcap_input_close)
  elseif ffi.errno() ~= 0 then
    return nil, failure.system()
  end
  local done, message = put(self, window, start)
  if done then
    self.start = false
  end
  return done, message
end

--- Takes the next piece.
---@param window ffi.cdata*  luapcap_window *
---@param bytes string
---@return boolean|nil true
---@return string|nil message
function Pieces:add(window, bytes)
  if not self.start then
    return put(self, window, bytes)
  end
  local before = self.start
  self.start = before .. bytes
  if #self.start < MAGIC_SIZE then
    return true
  end
  local done, message = put_start(self, window)
  if not done then
    self.start, self.input = before, false
  end
  return done, message
end

--- Notes that no more will come.
---@param window ffi.cdata*|false  false if the file has been refused
function Pieces:finish(window)
  self.is_finished = true
  if self.start and window then
    put_start(self, window)
  end
  if self.input then
    shim.luapcap_input_add(self.input, nil, 0)
  end
end

--- Unpacks into the window, once.
---@return boolean|nil more  true: there are more bytes; false: the file ends here, or cannot be
--- unpacked, and then the input has a message
---@return string|nil reason  "more": pieces are needed
function Pieces:fill(window)
  if self.input then
    if shim.luapcap_window_fill(window, self.input) == MORE then
      return true
    elseif window.problem ~= 0 then
      return false
    end
  end
  if self.is_finished then
    return false
  end
  return nil, "more"
end

--- Why the pieces cannot be unpacked; "" if they can.
---@return string
function Pieces:problem()
  return self.input and ffi.string(shim.luapcap_input_error(self.input)) or ""
end

--- Frees what has not been read, unless a capture has taken the input over.
function Pieces:close()
  if self.input then
    shim.luapcap_input_close(ffi.gc(self.input, nil))
    self.input = false
  end
end

return pieces
