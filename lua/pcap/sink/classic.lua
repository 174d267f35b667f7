--- Writes classic pcap: one header, and a record for each packet.

local ffi = require "ffi"
local bit = require "bit"
local cdefs = require "pcap.core.cdefs"
local DLT = require "pcap.dlt"
local failure = require "pcap.core.failure"
local file = require "pcap.sink.file"
local kinds = require "pcap.sink.kinds"
local shim = require "pcap.core.shim"

local classic = { name = "classic pcap" }

local Writer = {}
Writer.__index = Writer

local function begin(handle, where, kind)
  local header = ffi.new("luapcap_file_header")
  if shim.luapcap_savefile_header(kind.linktype, kind.snaplen, kind.precision, header,
    failure.clear()) ~= 0 then
    return nil, failure.text()
  end
  header.linktype = bit.bor(header.linktype, kind.extension or 0)
  local done, message, errno = file.cut(handle, where)
  if not done then
    return nil, message, errno
  end
  -- The header goes to the system at once. So a process that forks from this one has no copy of it
  -- in its buffer and does not write it again.
  shim.luapcap_dumper_write(handle, header, ffi.sizeof(header))
  return file.outcome(shim.luapcap_dumper_flush(handle))
end

-- Continues a file that is not empty.
local function go_on(where, kind)
  if shim.luapcap_savefile_takes(where.path, kind.linktype, kind.snaplen, kind.precision,
    failure.clear()) ~= 0 then
    return nil, failure.text()
  end
  return true
end

--- Begins a file, or continues one.
---@param handle ffi.cdata*  luapcap_dumper, which stays the caller's
---@param where table        of place.read()
---@param kind table         of kinds.of()
---@param opts table         { append = boolean }
---@return table|nil writer
---@return string|nil message
---@return integer|nil errno
function classic.new(handle, where, kind, opts)
  local has_packets = opts.append and shim.luapcap_dumper_to_end(handle) > 0
  local done, message, errno
  if has_packets then
    done, message, errno = go_on(where, kind)
  else
    done, message, errno = begin(handle, where, kind)
  end
  return done and setmetatable({
    linktype = kind.linktype,
    longest = kinds.longest_packet(kind),
    nsec_per_unit = kind.precision == cdefs.TSTAMP_PRECISION_NANO and 1 or 1000,
  }, Writer), message, errno
end

local function name_of(linktype)
  return DLT[linktype] or tostring(linktype)
end

-- A savefile has 32 bits for seconds. Readers differ in whether these are signed.
local function is_storable(sec)
  return sec >= -2 ^ 31 and sec < 2 ^ 32
end

--- Writes a packet.
---@param handle ffi.cdata*  luapcap_dumper
---@param pkt ffi.cdata*     luapcap_packet
---@return boolean|nil true
---@return string|nil message  nil if the system's errno tells why
function Writer:write(handle, pkt)
  if pkt.caplen > self.longest then
    return nil, ("packet of %d bytes is longer than the %d that the file can hold")
      :format(pkt.caplen, self.longest)
  end
  if pkt.linktype ~= self.linktype then
    return nil, ("packet of link type %s does not go into a file of %s")
      :format(name_of(pkt.linktype), name_of(self.linktype))
  end
  if not is_storable(pkt.sec) then
    return nil, ("a savefile cannot hold a time of %.0f seconds"):format(pkt.sec)
  end
  return shim.luapcap_record_write(handle, pkt, self.nsec_per_unit) == 0 or nil
end

return classic
