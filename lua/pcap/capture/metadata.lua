--- Metadata: what a capture tells besides its packets. A pcapng file tells most. Any other source
-- knows only its one interface.

local ffi = require "ffi"
local check = require "pcap.core.check"
local object = require "pcap.capture.object"
local shim = require "pcap.core.shim"

local Capture, methods = object.class, {}

--- The interfaces that packets come from, in the order of their `pkt.interface`. For a file, those
-- that have been read up to here.
---@return pcap.Interface[]
function methods:interfaces()
  check.open(self, Capture, "interfaces")
  return self._source.interfaces(self)
end

--- The section of a file that is being read.
---@return pcap.Section
function methods:section()
  local handle = check.open(self, Capture, "section")
  local metadata = self._source.metadata(self)
  if metadata then
    return metadata:section()
  end
  local swapped, major = shim.luapcap_is_swapped(handle) > 0, shim.luapcap_major_version(handle)
  return {
    swapped = swapped,
    byte_order = (ffi.abi("le") ~= swapped) and "little" or "big",
    major = major > 0 and major or nil,
    minor = major > 0 and shim.luapcap_minor_version(handle) or nil,
  }
end

--- The addresses and names that have been read from a file up to here, in its order.
---@return { address: string, names: string[] }[]
function methods:names()
  check.open(self, Capture, "names")
  local metadata = self._source.metadata(self)
  return metadata and metadata:names() or {}
end

--- The decryption secrets that have been read from a file up to here, in its order.
---@return { type: integer, data: string }[]
function methods:secrets()
  check.open(self, Capture, "secrets")
  local metadata = self._source.metadata(self)
  return metadata and metadata:secrets() or {}
end

--- The blocks of a file that nothing here reads, including custom blocks. It gives those that have
-- come since the last call, if the capture was opened with {blocks = true}. They stood before the
-- packet that was read last.
---@return { type: integer, bytes: string, swapped: boolean }[] blocks  `bytes` is the whole block
---@return integer lost  how many more came and were not kept, because only 16 MB are
function methods:blocks()
  check.open(self, Capture, "blocks")
  local metadata = self._source.metadata(self)
  if metadata and metadata.other_blocks then
    return metadata:blocks()
  end
  return {}, 0
end

return methods
