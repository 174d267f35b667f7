--- The answers of a source that has nothing of its own. Every kind of source begins with these.
--
-- A source is a table of functions that a capture calls with itself. `kind` is its name. A new
-- source is one file, which overrides what it has of these:
--
-- - `take(window, pkt)` and `search(cap)`: see capture/reading.lua;
-- - `fetch(cap, timeout)` gives the next packet, or `nil` and the reason, through capture.none();
-- - `wait(cap, timeout)` waits for a packet without reading it;
-- - `descriptor(cap)` is what to poll, or nil;
-- - `required_timeout(cap)` is the seconds after which a read is due even if the descriptor is
--   silent, or less than 0;
-- - `is_ready(cap)`: whether a read has something to do although the descriptor is silent;
-- - `rest(cap)` is how many seconds are to pass between two wake-ups;
-- - `is_here` is true if the packets come from this machine, as far as is known;
-- - `fileno(cap)` is the descriptor of a device, or nil;
-- - `is_always_ready` is true if there is nothing to wait for;
-- - `has_packets` is false if no packet will ever come;
-- - `moves_bytes` is true if a packet's bytes may move before its capture is read on;
-- - `progress(cap)` tells how far a file has been read;
-- - `seek(cap, packet, time)` goes to another packet, see seeking.lua;
-- - `set_nonblock(cap, flag)` and `nonblock(cap)`: whether reads do without waiting;
-- - `set_direction(cap, number)` is pcap_setdirection();
-- - `set_filter(cap, program, compile)` makes the source itself drop packets. It returns true and
--   perhaps a warning, or nil and a message. `compile()` gives a program to run outside the kernel.
--   If a source has no set_filter(), the capture judges each packet;
-- - `interface(cap)` is a handle on a network interface, or nil;
-- - `interfaces(cap)` lists what is known of the interfaces that packets come from;
-- - `metadata(cap)` is what else a file tells, see format/pcapng_metadata.lua, or nil;
-- - `linktypes(cap)` lists the packets' link types if there are several, or nil;
-- - `release(memory)` closes the handle, `memory.handle`, by `memory.close()` if there is one. It
--   frees what else the source has put into the capture's `_memory`. It may be called again.

local capture = require "pcap.capture"
local cdefs = require "pcap.core.cdefs"
local failure = require "pcap.core.failure"
local shim = require "pcap.core.shim"

local none = { kind = "none", is_always_ready = true, has_packets = true, moves_bytes = false }

function none.take()
  return false
end

function none.fetch(cap)
  return capture.none(cap, "closed")
end

function none.wait(cap)
  return nil, tostring(cap) .. " has no packets to wait for"
end

function none.descriptor()
end

function none.fileno()
end

none.is_here = true

function none.is_ready()
  return false
end

function none.rest()
  return 0
end

function none.required_timeout(cap)
  return shim.luapcap_required_timeout(cap._handle)
end

function none.interface()
end

function none.interfaces(cap)
  local handle = cap._handle
  local precision = shim.luapcap_get_tstamp_precision(handle)
  return { {
    number = 1,
    linktype = shim.luapcap_datalink(handle),
    snaplen = shim.luapcap_snapshot(handle),
    tsresol = precision == cdefs.TSTAMP_PRECISION_NANO and 9 or 6,
    tsoffset = 0,
  } }
end

function none.metadata()
end

function none.linktypes()
end

function none.progress(cap)
  return nil, tostring(cap) .. " is not a file"
end

none.seek = none.progress

function none.set_nonblock(cap, nonblock)
  if shim.luapcap_setnonblock(cap._handle, nonblock and 1 or 0, failure.clear()) ~= 0 then
    return nil, failure.text()
  end
  return true
end

function none.nonblock(cap)
  local value = shim.luapcap_getnonblock(cap._handle, failure.clear())
  if value < 0 then
    return nil, failure.text()
  end
  return value ~= 0
end

function none.set_direction(cap, number)
  return shim.luapcap_setdirection(cap._handle, number)
end

function none.release(memory)
  local handle = memory.handle
  memory.handle = nil
  if handle then
    local close = memory.close or shim.luapcap_close
    close(handle)
  end
end

--- A source that overrides some of these.
---@param functions table
---@return table source
function none.new(functions)
  return setmetatable(functions, { __index = none })
end

return none
