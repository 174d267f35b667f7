--- A block: the stretch of a savefile in memory, and taking plain records off it.

local ffi = require "ffi"
require "pcap.cdefs"

local cast = ffi.cast
local record_pointer = ffi.typeof("const luapcap_record *")
local HEADER_SIZE = ffi.sizeof("luapcap_record")

local block = {}

--- An empty block, which is what a capture that is not read in blocks has.
function block.new()
  return ffi.new("luapcap_block")
end

--- Takes the record at the block's position into the packet and moves on, if it is whole and
-- plain: all that libpcap would do with it is hand it on. Else nothing changes and libpcap is
-- to decide. There is no loop in here: a loop that calls this could not compile.
---@param blk ffi.cdata*  luapcap_block
---@param pkt ffi.cdata*  luapcap_packet; its data points into the block
---@return boolean taken
function block.take(blk, pkt)
  local pos = blk.pos
  local data = pos + HEADER_SIZE
  if data > blk.len then
    return false
  end
  local record = cast(record_pointer, blk.bytes + pos)
  local caplen, fraction = record.caplen, record.fraction
  if caplen < 0 or caplen > blk.max_caplen or caplen > blk.len - data
    or fraction < 0 or fraction >= blk.units_per_sec then
    return false
  end
  local unit = blk.nsec_per_unit
  local nsec = fraction * unit
  if unit < blk.precision then
    nsec = nsec - nsec % blk.precision
  end
  pkt.data = blk.bytes + data
  pkt.caplen = caplen
  pkt.wirelen = record.wirelen
  pkt.sec = record.sec
  pkt.nsec = nsec
  blk.pos = data + caplen
  return true
end

--- Whether the bytes from the position on are too few for the record there, so that reading on
-- in the file may complete it. A record that is odd in itself is not short.
---@param blk ffi.cdata*  luapcap_block
---@return boolean
function block.is_short(blk)
  local rest = blk.len - blk.pos - HEADER_SIZE
  if rest < 0 then
    return true
  end
  local caplen = cast(record_pointer, blk.bytes + blk.pos).caplen
  return caplen > rest and caplen <= blk.max_caplen
end

return block
