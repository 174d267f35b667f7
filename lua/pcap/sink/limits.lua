--- What ends a file of a rotation: its bytes, its packets, or the time.
--
-- By time, files end at whole multiples of the seconds since 1970 (UTC), as with dumpcap's
-- "interval". A clock that goes back begins no file. If it goes back by more than a file's seconds,
-- the next round time counts from there, or else one wrong time in the future would stop the
-- rotation.
--
-- This is a C struct, because a store into a table costs more for each packet.

local ffi = require "ffi"

local limits = {}

-- Fields: `seconds`, `bytes`, `most` (packets): the limits; 0 seconds are no limit;
-- `around`: what a packet takes besides its bytes and options, at most;
-- `ends`: the first second of the next file, or -infinity before the first time is known;
-- `earliest`: a time before that is a clock that has gone back;
-- `room`: so many bytes may certainly still come;
-- `packets`: in the file; and the times of the first and the last.
local Limits = ffi.typeof [[struct {
  double seconds, bytes, most, around, ends, earliest, room, packets;
  double first_sec, first_nsec, last_sec, last_nsec;
}]]

--- Makes the limits of files, before any file.
---@param rotate { seconds: integer?, bytes: integer?, packets: integer? }
---@param around integer
---@return ffi.cdata*
function limits.new(rotate, around)
  local at = Limits()
  at.seconds, at.bytes, at.most = rotate.seconds or 0, rotate.bytes or math.huge,
    rotate.packets or math.huge
  at.around, at.ends, at.earliest = around, -math.huge, -math.huge
  return at
end

--- Begins to count a time's round seconds.
function limits.begin_time(at, now)
  if at.seconds > 0 then
    local start = limits.start_of(at, now)
    at.ends, at.earliest = start + at.seconds, start - at.seconds
  else
    at.ends = math.huge
  end
end

--- Begins a file. The first packet finds no room, and is_over() then looks at it.
---@param now number|nil  nil: the first packet tells the time
function limits.begin(at, now)
  at.packets, at.room, at.ends, at.earliest = 0, -1, -math.huge, -math.huge
  if now then
    limits.begin_time(at, now)
  end
end

--- The round time at which the file that has a time begins.
---@return number
function limits.start_of(at, now)
  return now - now % at.seconds
end

--- Whether the file's seconds are over.
---@return boolean
function limits.is_late(at, now)
  if now < at.earliest or at.ends == -math.huge then
    limits.begin_time(at, now)
  end
  return now >= at.ends
end

--- Whether the file ends before a packet for another reason. If not, it notes the packet as the
-- first, or how much room there is.
---@param pkt ffi.cdata*  luapcap_packet
---@param written number  bytes in the file
---@return boolean
function limits.is_full(at, pkt, written)
  at.room = at.bytes - written
  if at.packets == 0 then
    at.first_sec, at.first_nsec = pkt.sec, pkt.nsec
    return false
  end
  return at.packets >= at.most or pkt.caplen + pkt.options_length + at.around > at.room
end

--- What a file has: for on_close().
---@return table
function limits.stats(at)
  local stats = { packets = at.packets }
  if at.packets > 0 then
    stats.first = at.first_sec + at.first_nsec / 1e9
    stats.last = at.last_sec + at.last_nsec / 1e9
  end
  return stats
end

return limits
