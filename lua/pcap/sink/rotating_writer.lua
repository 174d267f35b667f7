--- The writer of a rotation: it decides before each packet whether the next file begins.
--
-- It owns one dumper at a time, that of the present file. The next file is opened before the
-- present one is closed: if that fails, the present one stays, and the next packet tries again.

local failure = require "pcap.core.failure"
local limits = require "pcap.sink.limits"
local relay = require "pcap.sink.relay"
local series = require "pcap.sink.series"
local shim = require "pcap.core.shim"
require "pcap.sink.recording_cdefs"

local damaged = require("pcap.core.on_demand").module "pcap.sink.damaged"

local rotating_writer = {}

-- What a packet takes in a file besides its bytes and options, at most.
local AROUND = { pcap = 16, pcapng = 36 }

-- Fields:
-- `current`: the dumper of the present file, or false; `its`: what series.lua says of that file;
-- `inner`, `handle`: that dumper's writer and handle, for write();
-- `is_broken`: whether a write to it has failed;
-- `at`: of limits.lua;
-- `last_writer`: the writer of the latest file, from which the next one goes on.
local Writer = relay.class(function(self)
  if self.current then
    return self.current._writer
  end
  local begun, message = self:next(shim.luapcap_second())
  if not begun then
    return nil, message
  end
  return self.current._writer
end, function(self, done, message)
  if not done then
    return nil, self:told(message)
  end
  return done
end)

--- What the present file's writer says, with the file's name.
function Writer:told(message)
  message = message or failure.system()
  return self.current and self.current._name .. ": " .. message or message
end

-- Takes leave of the present file, and returns what complete() needs.
local function leave(self)
  local left = { dumper = self.current, its = self.its, is_broken = self.is_broken,
    stats = limits.stats(self.at) }
  self.current, self.is_broken = false, false
  return left
end

-- Closes a file, names it and tells on_close(). Returns what went wrong, if no write has told it.
local function complete(self, left)
  local stats, its = left.stats, left.its
  local gone = series.problem(its)
  its.is_gone = gone ~= nil
  local closed, problem = left.dumper:close()
  local path, unnamed = self.series:add(its)
  stats.message = not closed and problem or gone or unnamed
  stats.bytes = gone and 0 or series.size(path)
  if gone or left.is_broken or not closed then
    damaged.correct(not gone and path, stats)
  end
  if self.rotate.on_close then
    self.rotate.on_close(path, stats)
  end
  return left.is_broken and (gone or unnamed) or not left.is_broken and stats.message or nil
end

--- Begins the next file, and completes the present one.
---@param now number   in the clock that counts
---@param name_time? number  what the file's name tells (default: now)
---@return boolean|nil true
---@return string|nil message  of the new file, or of the old one: then the new one has begun
function Writer:next(now, name_time)
  local opened, its = self.series:open(name_time or now, function(path, only_new)
    local opts = {}
    for key, value in pairs(self.opts) do
      opts[key] = value
    end
    opts.rotate, opts.only_new = nil, only_new
    opts.is_part, opts.previous = true, self.last_writer
    return self.open(path, opts)
  end)
  if not opened then
    return nil, its
  end
  local left = self.current and leave(self)
  self.current, self.its = opened, its
  self.inner, self.handle, self.last_writer = opened._writer, opened._handle, opened._writer
  limits.begin(self.at, now)
  if not left then
    return true
  end
  local problem = complete(self, left)
  problem = self.series:thin() or problem
  return not problem or nil, problem
end

-- Begins a file if one is due. Returns whether it has, or nil and a message.
local function turn_once(self, pkt, now)
  local at = self.at
  if not self.current or self.is_broken
    or limits.is_full(at, pkt, shim.luapcap_dumper_tell(self.handle)) then
    local begun, message = self:next(now)
    return begun, message
  elseif limits.is_late(at, now) then
    local begun, message = self:next(now, limits.start_of(at, now))
    return begun, message
  end
  return false
end

-- Finds room for a packet. This is apart from write() so that the latter stays short. What
-- on_close() dumps may take the room of the new file, but not again and again.
local function turn(self, pkt, now)
  for _ = 1, 3 do
    local begun, message = turn_once(self, pkt, now)
    if message then
      return nil, message
    elseif begun and not self.current then
      return nil, "on_close has closed the dumper"
    elseif not begun then
      return true
    end
  end
  return nil, "on_close fills each file that begins"
end

--- Notes that a write has failed: the next packet goes to the next file.
function Writer:fail()
  self.is_broken, self.at.room = true, -1
end

--- Writes a packet.
function Writer:write(_, pkt, added)
  local at = self.at
  local now = self.is_wall and shim.luapcap_second() or pkt.sec
  local size = pkt.caplen + pkt.options_length + at.around
  if now >= at.ends or now < at.earliest or at.packets >= at.most or size > at.room then
    local done, message = turn(self, pkt, now)
    if not done then
      return nil, message
    end
  end
  local done, message = self.inner:write(self.handle, pkt, added)
  if not done then
    if not message then
      self:fail()
    end
    return nil, self:told(message)
  end
  at.packets, at.room = at.packets + 1, at.room - size
  at.last_sec, at.last_nsec = pkt.sec, pkt.nsec
  return true
end

function Writer:linktype_of(number)
  local writer = self.last_writer
  return writer and writer.linktype_of and writer:linktype_of(number) or self.linktype
end

--- Completes the present file, if there is one.
---@return string|nil problem
function Writer:close()
  return self.current and complete(self, leave(self)) or nil
end

--- Makes a writer of which no file has begun.
---@param rotate table  as rotating.OPTIONS takes it, with the name's pattern
---@param opts table    of each file, as opening.open() takes them
---@param open function  open(path, opts) opens one file
---@param linktype integer
---@return table
function rotating_writer.new(rotate, opts, open, linktype)
  local around = opts.format.PACKET and AROUND.pcapng or AROUND.pcap
  return setmetatable({ rotate = rotate, opts = opts, open = open, current = false,
    inner = false, handle = false, last_writer = false, is_broken = false,
    series = series.new(rotate.pattern, rotate), at = limits.new(rotate, around),
    linktype = linktype, is_wall = rotate.clock == "wall" and rotate.seconds ~= nil }, Writer)
end

return rotating_writer
