--- Metadata: what a capture tells beside its packets. A pcapng file says most; any other source
-- knows its one interface.

local ffi = require "ffi"
local check = require "pcap.core.check"
local object = require "pcap.capture.object"
local shim = require "pcap.core.shim"

local Capture, methods = object.class, {}

--- The interfaces that packets come from, in the order of their `pkt.interface`: of a file, those
-- that it has told of up to here.
---@return pcap.Interface[]
function methods:interfaces()
  check.open(self, Capture, "interfaces")
  return self._source.interfaces(self)
end

--- The section that is being read, of a file.
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

--- Addresses and their names, as a file has told up to here, in its order.
---@return { address: string, names: string[] }[]
function methods:names()
  check.open(self, Capture, "names")
  local metadata = self._source.metadata(self)
  return metadata and metadata:names() or {}
end

--- Decryption secrets, as a file has told up to here, in its order.
---@return { type: integer, data: string }[]
function methods:secrets()
  check.open(self, Capture, "secrets")
  local metadata = self._source.metadata(self)
  return metadata and metadata:secrets() or {}
end

--- The blocks of a file that nothing here reads, custom ones among them: those that have come since
-- the last call, if the capture was opened with {blocks = true}. They stood before the packet that
-- was read last.
---@return { type: integer, bytes: string, swapped: boolean }[] blocks  `bytes` is the whole block
---@return integer lost  how many more came than are kept: up to 16 MB of them are
function methods:blocks()
  check.open(self, Capture, "blocks")
  local metadata = self._source.metadata(self)
  if metadata and metadata.other_blocks then
    return metadata:blocks()
  end
  return {}, 0
end

return methods
