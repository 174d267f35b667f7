--- Blocks of a pcapng source that are no packets, written as they stand there.

local ffi = require "ffi"
local blocks = require "pcap.sink.pcapng_blocks"
local bytes = require "pcap.sink.pcapng_bytes"
local interfaces = require "pcap.sink.pcapng_interface"
local order = require "pcap.sink.pcapng_order"

local copying = {}

-- What is done with a block, by its type: functions of pcapng_section.lua's section and the body.
local carriers = {}

-- How long the section is in the source tells nothing of it here.
carriers[blocks.SECTION] = function(section, body)
  section.source_before = section.source_count
  body = body:sub(1, 8) .. ("\255"):rep(8) .. body:sub(17)
  return section:begin(bytes.block(blocks.SECTION, body))
end

carriers[blocks.INTERFACE] = function(section, body)
  local number = section.source_count + 1
  section.source_count = number
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

-- The interface may have another number here.
carriers[blocks.STATISTICS] = function(section, body)
  local number = ffi.cast("const uint32_t *", body)[0]
  local interface = section.made[section.source_before + number + 1]
  if interface and interface.section == section.number then
    body = bytes.u32(interface.its.number) .. body:sub(5)
  end
  return section:put(bytes.block(blocks.STATISTICS, body))
end

-- The bytes that a block has to have.
local SMALLEST = { [blocks.SECTION] = 16, [blocks.INTERFACE] = 8, [blocks.STATISTICS] = 12 }

--- Writes a block.
---@param section table  of pcapng_section.lua
---@param block table    { kind = integer, body = string, swapped = whether it has the other byte
---  order }; then it is turned, or left out where its layout is not known
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
    return carriers[kind](section, body)
  end
  return section:put(bytes.block(kind, body))
end

return copying
