--- Packs with gzip or zstd what a dumper writes.

local ffi = require "ffi"
local failure = require "pcap.core.failure"
local options = require "pcap.core.options"
local shim = require "pcap.core.shim"
require "pcap.sink.recording_cdefs"

local packing = {}

-- The libraries' own default levels, and their highest.
local DEFAULT = { gzip = 6, zstd = 3 }
local HIGHEST = { gzip = 9, zstd = 22 }

function packing.compress(value)
  return DEFAULT[value] and value or nil, '"gzip" or "zstd"'
end

packing.level = options.integer(1, 22)

--- What is wrong with a dumper's options, or nil.
---@return string|nil problem
function packing.problem(opts)
  local name = opts.compress
  if not name then
    return "option 'level' needs 'compress'"
  elseif opts.append then
    return "option 'append' does not go with 'compress'"
  elseif opts.level and opts.level > HIGHEST[name] then
    return ("option 'level': integer from 1 to %d expected with %s, got %d"):format(HIGHEST[name],
      name, opts.level)
  end
end

--- Lets a dumper pack what it writes from here on.
---@param handle ffi.cdata*  luapcap_dumper to which nothing was written
---@param opts table         { compress =, level = }
---@return boolean|nil true
---@return string|nil message
---@return integer|nil errno
function packing.start(handle, opts)
  local name = opts.compress
  local level = opts.level or DEFAULT[name]
  if shim.luapcap_dumper_pack(handle, name, level, failure.clear()) ~= 0 then
    local errno = ffi.errno()
    return nil, failure.text(), errno
  end
  return true
end

return packing
