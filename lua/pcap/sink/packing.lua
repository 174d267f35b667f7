--- Packs with gzip what a dumper writes.

local ffi = require "ffi"
local failure = require "pcap.core.failure"
local options = require "pcap.core.options"
local shim = require "pcap.core.shim"
require "pcap.sink.recording_cdefs"

local packing = {}

-- Zlib's own default.
local LEVEL = 6

function packing.compress(value)
  return value == "gzip" and value or nil, '"gzip"'
end

packing.level = options.integer(1, 9)

--- What is wrong with a dumper's options, or nil.
---@return string|nil problem
function packing.problem(opts)
  if not opts.compress then
    return "option 'level' needs compress = \"gzip\""
  elseif opts.append then
    return "option 'append' does not go with 'compress'"
  end
end

--- Lets a dumper pack what it writes from here on.
---@param handle ffi.cdata*  luapcap_dumper to which nothing was written
---@param opts table         { level = }
---@return boolean|nil true
---@return string|nil message
---@return integer|nil errno
function packing.start(handle, opts)
  if shim.luapcap_dumper_pack(handle, opts.level or LEVEL, failure.clear()) ~= 0 then
    local errno = ffi.errno()
    return nil, failure.text(), errno
  end
  return true
end

return packing
