--- The reader: a savefile that arrives in pieces, from a socket, a pipe or a decompressor.
--
--     local reader = pcap.reader()
--     for piece in pieces do
--       assert(reader:feed(piece))
--       for pkt in reader:packets() do ... end
--     end
--
-- Ownership: `_feed` holds the bytes that are not read yet; the capture over them exists once the
-- file header is there. A packet handed out lies among those bytes, or in libpcap's buffer.

local ffi = require "ffi"
local block = require "pcap.block"
local capture = require "pcap.capture"
local cdefs = require "pcap.cdefs"
local check = require "pcap.check"
local DLT = require "pcap.dlt"
local options = require "pcap.options"
local shim = require "pcap.shim"

local take, is_short = block.take, block.is_short

local reader = {}

local Reader = { __name = "pcap reader" }
Reader.__index = Reader

-- What luapcap_next() returns besides libpcap's error numbers.
local PACKET, NO_PACKET = 1, 0

local errbuf = ffi.new("char[?]", cdefs.ERRBUF_SIZE)

-- Called where the block has no plain record at its position, or one that the filter rejects.
local function fetch(self)
  local blk, pkt, match, owner = self._block, self._packet, self._match, self._reader
  local status
  repeat
    while take(blk, pkt) do
      if not match or match(pkt.data, pkt.caplen, pkt.wirelen) then
        return pkt
      end
    end
    if blk.max_caplen > 0 and is_short(blk) and not owner._finished then
      return nil, "more"
    end
    status = shim.luapcap_feed_next(owner._feed, blk, self._handle, pkt)
  until status ~= PACKET or not match or match(pkt.data, pkt.caplen, pkt.wirelen)
  if status == PACKET then
    return pkt
  elseif status == NO_PACKET then
    return nil, "more"
  elseif status == cdefs.ERROR_BREAK then
    return nil, "closed"
  end
  return nil, capture.message(self._handle)
end

-- The capture, once the file header has arrived.
local function open(self)
  if self._capture or self._problem then
    return self._capture, self._problem
  end
  local handle = capture.own(shim.luapcap_feed_open(self._feed, self._block, self._precision,
    errbuf))
  if not handle then
    local message = ffi.string(errbuf)
    if message == "" then
      return nil, "more"
    end
    self._problem = message
    return nil, message
  end
  local linktype = shim.luapcap_datalink(handle)
  if self._linktype and linktype ~= self._linktype then
    self._problem = ("link type is %s, not %s"):format(DLT[linktype] or linktype,
      DLT[self._linktype] or self._linktype)
    return nil, self._problem
  end
  self._capture = capture.new(handle, "feed", "reader", fetch)
  self._capture._reader = self
  self._capture._memory.feed = self._feed -- where packets lie
  self._capture._block = self._block
  self._capture._ending = self._ending
  return self._capture
end

--- Takes the next piece of the file, of any size. Packets that were handed out are gone.
---@param bytes string
---@return table|nil reader  itself
---@return string|nil message
function Reader:feed(bytes)
  check.open(self, Reader, "feed")
  check.bytes(bytes, 1, "feed")
  if self._finished then
    check.fail(1, "feed", "the reader has been finished")
  end
  if self._capture then -- the bytes that its packet points to may move
    self._capture._packet.data, self._capture._packet.caplen = nil, 0
  end
  if shim.luapcap_feed_add(self._feed, self._block, bytes, #bytes) ~= 0 then
    return nil, ffi.string(shim.luapcap_strerror(ffi.errno()))
  end
  return self
end

--- Tells that no more will come: a packet of which only a part has come is an error then, as it
-- is in a file, and reading ends with "closed" in place of "more".
---@return table reader  itself
function Reader:finish()
  check.open(self, Reader, "finish")
  self._finished = true
  shim.luapcap_feed_finish(self._feed)
  return self
end

--- The capture over what has come, to set a filter, ask for the link type, open a dumper; reading
-- from it is reading from this.
---@return table|nil capture
---@return string|nil reason  "more" before the file header has come; or libpcap's message
---pcap_fopen_offline_with_tstamp_precision
function Reader:capture()
  check.open(self, Reader, "capture")
  return open(self)
end

--- As the methods of a capture: reading ends with "more" where the next packet is not whole yet.
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

--- Closes the reader and its capture; again does nothing.
---@return boolean true
function Reader:close()
  if getmetatable(self) ~= Reader then
    check.open(self, Reader, "close")
  end
  if self._handle then
    if self._capture then
      self._capture:close()
    end
    shim.luapcap_feed_free(ffi.gc(self._feed, nil))
    self._handle, self._feed = false, false
  end
  return true
end

function Reader:__tostring()
  return Reader.__name .. (self._handle and "" or " (closed)")
end

local KINDS = { linktype = options.integer(0, 2 ^ 31 - 1), precision = options.precision }

--- A reader for classic pcap, of either byte order and precision, that comes in pieces.
---@param opts? table  {linktype = the only one to take, a number of pcap.DLT (default: any),
--- precision = "micro"|"nano" (default "micro")}
---@return table|nil reader
---@return string|nil message
function reader.reader(opts)
  opts = options.read(opts, 1, "reader", KINDS)
  local feed = shim.luapcap_feed_new()
  if feed == nil then
    return nil, "not enough memory for a reader"
  end
  feed = ffi.gc(feed, shim.luapcap_feed_free)
  return setmetatable({
    _handle = feed,
    _feed = feed,
    _block = block.new(),
    _linktype = opts.linktype,
    _precision = opts.precision or cdefs.TSTAMP_PRECISION_MICRO,
    _ending = "more",
  }, Reader)
end

return reader
