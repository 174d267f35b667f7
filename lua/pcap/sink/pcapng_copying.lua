--- Copies blocks of a pcapng source that are no packets, as they stand there.

local blocks = require "pcap.sink.pcapng_blocks"
local bytes = require "pcap.sink.pcapng_bytes"
local interfaces = require "pcap.sink.pcapng_interface"
local order = require "pcap.sink.pcapng_order"

local copying = {}

-- By a block's type, the function that writes it. It takes the section (of pcapng_section.lua), the
-- block's body, and the number of the interface that the block is about.
local carriers = {}

-- The section may have another length here than in the source, so the length is left open.
carriers[blocks.SECTION] = function(section, body)
  return section:begin_anew(bytes.block(blocks.SECTION,
    body:sub(1, 8) .. ("\255"):rep(8) .. body:sub(17)))
end

carriers[blocks.INTERFACE] = function(section, body, number)
  local interface, message = number == 1 and section.first, nil
  if not interface then
    interface, message = interfaces.of_block(body)
  end
  if not interface then
    return nil, message
  end
  section:add(interface, number)
  section.targets[number] = interface.its
  return section:write_interface(interface)
end

for _, kind in ipairs { blocks.NAMES, blocks.SECRETS } do
  carriers[kind] = function(section, body)
    return section:put_lasting(bytes.block(kind, body))
  end
end

-- The interface may have another number here. One that the source does not have keeps its number.
carriers[blocks.STATISTICS] = function(section, body, number)
  local interface = section.made[number]
  if interface and interface.section == section.number then
    body = bytes.u32(interface.its.number) .. body:sub(5)
  end
  return section:put(bytes.block(blocks.STATISTICS, body))
end

-- How many bytes the body of a block must have.
local SMALLEST = { [blocks.SECTION] = 16, [blocks.INTERFACE] = 8, [blocks.STATISTICS] = 12 }

--- Writes a block.
---@param section table  of pcapng_section.lua
---@param block table    { kind = integer, body = string, swapped = whether it has the other byte
---  order: then its order is changed, or it is left out if its layout is unknown; number = for an
---  interface or its statistics, the interface's number in the source }
---@return boolean|nil true
---@return string|nil message
function copying.carry(section, block)
  local kind, body = block.kind, block.body
  if block.swapped then
    body = order.turned(kind, body)
  end
  if not body or #body < (SMALLEST[kind] or 0) then
    return true
  elseif carriers[kind] then
    return carriers[kind](section, body, block.number)
  end
  return section:put(bytes.block(kind, body))
end

return copying
