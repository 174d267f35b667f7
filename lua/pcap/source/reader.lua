--- The reader: a savefile that arrives in pieces, from a socket or a pipe.
--
--     local reader = pcap.reader()
--     for piece in pieces do
--       assert(reader:feed(piece))
--       for pkt in reader:packets() do ... end
--     end
--
-- Ownership: the bytes that are not read yet lie in a window. The reader owns it until the file
-- header has come. Then the capture that reads it owns it.

local ffi = require "ffi"
local capture = require "pcap.capture"
local check = require "pcap.core.check"
local DLT = require "pcap.dlt"
local none = require "pcap.source.none"
local opening = require "pcap.source.opening"
local options = require "pcap.core.options"
local pieces = require "pcap.source.pieces"
local savefile = require "pcap.source.savefile"
local shim = require "pcap.core.shim"

local reader = {}

local Reader = { __name = "pcap reader" }
Reader.__index = Reader

local source = none.new {
  kind = "feed",
  is_here = false,
  moves_bytes = true, -- feed() does so
  fetch = savefile.source.fetch,
  search = savefile.source.search,
  metadata = savefile.source.metadata,
  interfaces = savefile.source.interfaces,
  linktypes = savefile.source.linktypes,
  release = savefile.source.release,
}

-- The capture's `_refill`. Pieces come only through feed().
local function refill(cap)
  return cap._reader._pieces:fill(cap._window)
end

local function refuse(self, message)
  self._problem = message
  return nil, message
end

-- Reads the file's header, if it has arrived. Returns as opening.begin() does.
local function begin(self)
  local window, file = self._window, self._file
  local handle, reading, more
  repeat
    file.is_whole = more == false and window.problem == 0
    handle, reading = opening.begin(window, file)
    if not handle and reading == "more" and not file.is_whole then
      more = self._pieces:fill(window)
    end
  until handle or reading ~= "more" or file.is_whole or more == nil or window.problem ~= 0
  return handle, reading
end

-- The capture, once the file header has arrived.
local function open(self)
  if self._capture or self._problem then
    return self._capture, self._problem
  end
  local window, input = self._window, self._pieces.input
  local handle, reading = begin(self)
  local problem = handle and "" or self._pieces:problem()
  if reading == "more" and problem == "" then
    return nil, "more"
  end
  self._window = false
  if not handle then
    return refuse(self, problem ~= "" and problem or reading)
  end
  local cap = savefile.new(source, "reader", window, handle, reading,
    { _reader = self, _ending = self._ending, _refill = refill, _input = input or nil,
      _memory = { input = input and ffi.gc(input, nil) or nil } })
  local linktype = cap:datalink()
  if self._linktype and linktype ~= self._linktype then
    cap:close()
    return refuse(self, ("link type is %s, not %s"):format(DLT[linktype] or linktype,
      DLT[self._linktype] or self._linktype))
  end
  self._capture = cap
  return cap
end

--- Takes the next piece of the file, of any size. Packets handed out before are no longer valid.
---@param bytes string
---@return table|nil reader  itself
---@return string|nil message
function Reader:feed(bytes)
  check.open(self, Reader, "feed")
  check.bytes(bytes, 1, "feed")
  if self._finished then
    check.fail(1, "feed", "the reader has been finished")
  end
  local cap, window = self._capture, self._window
  if cap then
    check.open(cap, capture.class, "feed")
    capture.none(cap) -- the bytes that its packet points to may move
    window = cap._window
  end
  if window then
    local done, message = self._pieces:add(window, bytes)
    if not done then
      return nil, message
    end
  end
  return self
end

--- Says that no more will come. Reading then ends with "closed" instead of "more". If only a part
-- of a packet has come, that is now an error, as it is in a file.
---@return table reader  itself
function Reader:finish()
  check.open(self, Reader, "finish")
  self._finished = true
  if not self._capture or self._capture._handle then
    self._pieces:finish(self._window)
  end
  return self
end

--- The capture over what has come. Use it to set a filter, ask for the link type or open a dumper.
-- Reading from it is the same as reading from the reader.
---@return table|nil capture
---@return string|nil reason  "more" before the file header has come; or libpcap's message
---pcap_fopen_offline_with_tstamp_precision
function Reader:capture()
  check.open(self, Reader, "capture")
  return open(self)
end

--- Works as a capture's method does. Reading ends with "more" if the next packet is not whole yet.
function Reader:next()
  check.open(self, Reader, "next")
  local cap, reason = open(self)
  if not cap then
    return nil, reason
  end
  return cap:next()
end

function Reader:next_packet()
  check.open(self, Reader, "next_packet")
  local cap, reason = open(self)
  if not cap then
    return nil, reason
  end
  return cap:next_packet()
end

local function nothing()
end

function Reader:packets(limit)
  check.open(self, Reader, "packets")
  local cap, reason = open(self)
  if not cap then
    self._ending = reason
    return nothing
  end
  return cap:packets(limit)
end

function Reader:ending()
  check.open(self, Reader, "ending")
  if self._capture then
    return self._capture:ending()
  end
  return self._ending
end

--- Closes the reader and its capture. Closing it again does nothing.
---@return boolean true
function Reader:close()
  if getmetatable(self) ~= Reader then
    check.open(self, Reader, "close")
  end
  if self._handle then
    self._handle = false
    if self._capture then
      self._capture:close()
    elseif self._window then
      shim.luapcap_window_free(ffi.gc(self._window, nil))
      self._pieces:close()
    end
    self._window = false
  end
  return true
end

function Reader:__tostring()
  return Reader.__name .. (self._handle and "" or " (closed)")
end

local OPTIONS = { linktype = options.integer(0, 2 ^ 31 - 1) }
for name, kind in pairs(opening.OPTIONS) do
  OPTIONS[name] = kind
end

--- Makes a reader for a savefile that comes in pieces, of any kind that open_offline() reads.
---@param opts? table  {linktype = the only link type that the first interface may have, a number of
--- pcap.DLT (default: any), precision = "micro"|"nano" (default "micro"), blocks = as for
--- open_offline()}
---@return table|nil reader
---@return string|nil message
function reader.reader(opts)
  opts = options.read(opts, 1, "reader", OPTIONS)
  local window = savefile.new_window()
  if not window then
    return nil, "not enough memory for a reader"
  end
  return setmetatable({
    _handle = true,
    _finished = false,
    _window = window,
    _pieces = pieces.new(),
    _linktype = opts.linktype,
    _file = opening.new(opts),
    _ending = "more",
  }, Reader)
end

return reader
