--- What a capture tells about where its packets come from, for a dumper to write.
--
-- The dumper does not keep the capture alive. A capture that is collected or closed tells nothing
-- more.

local devices = require "pcap.devices"
local system = require "pcap.core.system"

local origin = {}

local function description(name)
  for _, device in ipairs(devices.devices() or {}) do
    if device.name == name then
      return device.description
    end
  end
end

-- What the capture itself knows of its interface. A file may come from another machine.
local function own_interface(cap)
  local known = {
    filter = cap._wanted and cap._wanted.expression or nil,
    os = cap._source.is_here and system.names() or nil,
  }
  if cap._source.interface(cap) then
    known.name, known.description = cap._name, description(cap._name)
  end
  return known
end

--- The functions that a dumper asks:
--
-- - `own()`: what the capture itself knows of its interface;
-- - `interface(number)`: what is known of an interface, from 1, as cap:interfaces() gives it;
-- - `section()`: what a savefile's section says, as cap:section() gives it;
-- - `statistics()`: the counts of cap:stats(), for a live capture;
-- - `blocks()`: the blocks of a pcapng section up to here, without packets, its header first. They
--   are as copying.carry() in sink/pcapng_copying.lua takes them. Nil for any other source;
-- - `follow(owner, write)` calls `write(block)` with each later one as it is read, for as long as
--   the owner lives.
---@param cap table
---@return table origin
function origin.of(cap)
  local held = setmetatable({ cap = cap }, { __mode = "v" })
  local function ask(name)
    local it = held.cap
    return it and it._handle and it[name](it) or nil
  end
  local function ask_source(name)
    local it = held.cap
    return it and it._handle and it._source[name](it) or nil
  end
  return {
    own = function()
      return own_interface(held.cap)
    end,
    interface = function(number)
      return (ask "interfaces" or {})[number]
    end,
    section = function()
      return ask_source "metadata" and ask "section"
    end,
    statistics = function()
      return ask_source "interface" and ask "stats"
    end,
    blocks = function()
      local metadata = ask_source "metadata"
      return metadata and metadata:section_blocks()
    end,
    follow = function(owner, write)
      local metadata = ask_source "metadata"
      if metadata then
        metadata:follow(owner, write)
      end
    end,
  }
end

return origin
