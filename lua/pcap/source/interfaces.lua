--- The interfaces that a live capture's packets come from. The first is the device itself. After
-- "any", those follow from which packets have come.

local ffi = require "ffi"
local none = require "pcap.source.none"
local shim = require "pcap.core.shim"

local interfaces = {}

local NAME_SIZE = 64
local name = ffi.new("char[?]", NAME_SIZE)

-- An interface that has gone has no name, unless it was asked for before.
local function name_of(self, index)
  local names = self._interface_names or {}
  self._interface_names = names
  if not names[index] and shim.luapcap_interface_name(index, name, NAME_SIZE) ~= 0 then
    names[index] = ffi.string(name)
  end
  return names[index]
end

--- See cap:interfaces().
---@param self table  the capture
---@return table[] list
function interfaces.of(self)
  local list, stats, wanted = none.interfaces(self), self:stats() or {}, self._wanted
  local first, ring, expression = list[1], self._ring, wanted and wanted.expression or nil
  first.name, first.filter = self._name, expression
  first.index = ring.interface > 0 and ring.interface or nil
  first.received, first.dropped = stats.received, stats.dropped
  for i = 0, ring.known - 1 do
    list[i + 2] = {
      number = i + 2, index = ring.indexes[i], name = name_of(self, ring.indexes[i]),
      filter = expression, linktype = first.linktype, snaplen = first.snaplen,
      tsresol = first.tsresol, tsoffset = first.tsoffset,
    }
  end
  return list
end

return interfaces
