--- Savefiles: opened and judged by libpcap, read in blocks where their records are plain.

local ffi = require "ffi"
local block = require "pcap.block"
local capture = require "pcap.capture"
local cdefs = require "pcap.cdefs"
local in_use = require "pcap.in_use"
local options = require "pcap.options"
local place = require "pcap.place"
local scarce = require "pcap.scarce"
local shim = require "pcap.shim"

local take, is_short = block.take, block.is_short

local savefile = {}

-- 64 to 256 KB read alike; less costs system calls, more costs cache. A record that is longer
-- than a block goes through libpcap.
local BLOCK_SIZE = 131072

-- What luapcap_next() returns besides libpcap's error numbers, and luapcap_stream_next() after a
-- signal.
local PACKET, INTERRUPTED = 1, 0

local errbuf = ffi.new("char[?]", cdefs.ERRBUF_SIZE)

local function outcome(self, status)
  if not self._handle then -- a signal's handler has closed the capture meanwhile
    return nil, "closed"
  elseif status == PACKET then
    return self._packet
  elseif status == cdefs.ERROR_BREAK then
    return nil, "closed"
  end
  local message = self._stream and ffi.string(shim.luapcap_stream_error(self._stream)) or ""
  return nil, message ~= "" and message or capture.message(self._handle)
end

local function fetch_through_libpcap(self)
  return outcome(self, shim.luapcap_next(self._handle, self._packet))
end

-- A packet that the filter rejects interrupts as a signal does: filtered by libpcap, reading would
-- wait in C for the next one that passes.
local function read_from_stream(self)
  local pkt, match = self._packet, self._match
  local status = shim.luapcap_stream_next(self._handle, self._stream, pkt)
  if status == PACKET and match and not match(pkt.data, pkt.caplen, pkt.wirelen) then
    return INTERRUPTED
  end
  return status
end

-- Reads on after each interruption.
local function read_on_from_stream(self)
  local status = INTERRUPTED
  while status == INTERRUPTED do
    local reason = capture.interrupted(self)
    if reason then
      return nil, reason
    end
    status = read_from_stream(self)
  end
  return outcome(self, status)
end

-- Straight-line while packets are there, so that a caller's loop compiles.
local function fetch_from_stream(self)
  local status = read_from_stream(self)
  if status == INTERRUPTED then
    return read_on_from_stream(self)
  end
  return outcome(self, status)
end

-- Whether reading on in the file has brought a record header to the block's position. Where the
-- block begins at a record that is short all the same, the file ends within it.
local function refill(blk)
  return (blk.pos > 0 or blk.len == 0) and is_short(blk) and shim.luapcap_block_fill(blk) == 1
end

-- Called where the block has no plain record at its position, or has taken one that the filter
-- rejects. What is not plain after a refill either goes to libpcap, which filters by itself.
local function fetch_from_block(self)
  local blk, pkt, match = self._block, self._packet, self._match
  repeat
    while take(blk, pkt) do
      if not match or match(pkt.data, pkt.caplen, pkt.wirelen) then
        return pkt
      end
    end
  until self._broken or not refill(blk)
  if self._broken then
    return capture.broken(self)
  end
  return outcome(self, shim.luapcap_block_hand_over(blk, self._handle, pkt))
end

-- The block's memory comes with the first read: a capture that is never read costs none.
local function fetch_first(self)
  local bytes = ffi.new("uint8_t[?]", BLOCK_SIZE)
  self._memory.bytes = bytes
  self._block.bytes, self._block.size = bytes, BLOCK_SIZE
  self._fetch = fetch_from_block
  return fetch_from_block(self)
end

local function open(from, prec)
  local stream = ffi.new("luapcap_stream *[1]")
  local handle = capture.own(shim.luapcap_open_offline(from.path, from.fd or -1, from.file,
    prec, stream, errbuf))
  return handle, stream[0] ~= nil and stream[0] or nil, ffi.errno()
end

--- Opens a savefile to read packets from: pcap in either byte order, with microseconds or
-- nanoseconds, or pcapng, as libpcap reads them; plain or compressed with gzip.
---@param fname string|integer|file*  "-" is stdin; or a descriptor or an open Lua file, read from
--- where it stands through a copy: it stays yours to close, and its position, which the copy
--- shares, is anywhere afterwards
---@param opts? table       {precision = "micro"|"nano"}: of timestamps and of dump files made
--- from the capture (default "micro")
---@return table|nil capture
---@return string|nil message  naming the file
---pcap_fopen_offline_with_tstamp_precision
function savefile.open_offline(fname, opts)
  local from = place.read(fname, "open_offline")
  opts = options.read(opts, 2, "open_offline", { precision = options.precision })
  local prec = opts.precision or cdefs.TSTAMP_PRECISION_MICRO
  local handle, stream = scarce.open(open, from, prec)
  if not handle then
    return nil, from.name .. ": " .. ffi.string(errbuf)
  end
  local self = capture.new(handle, "savefile", from.name, fetch_through_libpcap)
  self._stream = stream
  self._in_use = in_use.add(stream and shim.luapcap_stream_fileno(stream)
    or shim.luapcap_get_selectable_fd(handle), "a capture is reading it", function()
      local position, size = self:progress()
      return position and size and position >= size
    end)
  if stream then
    self._fetch = fetch_from_stream
  elseif shim.luapcap_block_init(handle, self._block) == 1 then
    self._fetch = fetch_first
  end
  return self
end

return savefile
