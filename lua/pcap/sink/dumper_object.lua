--- The dumper object: its class, and what it is made of.
--
-- Ownership: `_handle` is the shim's luapcap_dumper, with its buffer and its descriptor. close() or
-- its finalizer closes it. It does not need the capture that opened it.

local failure = require "pcap.core.failure"
local packet = require "pcap.packet"

local object = {}

local Dumper = { __name = "pcap dumper" }
Dumper.__index = Dumper

--- The class. dumper.lua gives it its methods; rotating.lua, stream.lua and recorder.lua derive
-- theirs from it.
object.class = Dumper

--- Makes a class of dumpers that has this one's methods.
---@return table
function object.derived()
  local class = { __name = Dumper.__name, __tostring = Dumper.__tostring, __parent = Dumper }
  class.__index = class
  return setmetatable(class, { __index = Dumper })
end

--- Makes a dumper for a file that has been opened.
---@param handle any   what the writer writes to; for a file, luapcap_dumper with its finalizer
---@param fields table  { _in_use = token, _name = (false if the writer's messages name the file),
---  _format =, _writer =, _nano = }
---@param class? table  of derived()
---@return table
function object.new(handle, fields, class)
  local scratch = packet.new(0) -- for strings
  scratch.interface = 1
  fields._handle, fields._packet = handle, scratch
  return setmetatable(fields, class or Dumper)
end

function Dumper:__tostring()
  return ("%s (%s%s)"):format(Dumper.__name, self._name, self._handle and "" or ", closed")
end

--- What a method that fails returns.
---@param message? string   the writer's; the system's if there is none
---@param errno? integer
---@return nil
---@return string message
function object.failed(self, message, errno)
  message = message or failure.system(errno)
  return nil, self._name and self._name .. ": " .. message or message
end

return object
