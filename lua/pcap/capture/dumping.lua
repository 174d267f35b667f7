--- Dumping: savefiles for packets of a capture's kind.

local check = require "pcap.core.check"
local dumper = require "pcap.sink.dumper"
local kinds = require "pcap.sink.kinds"
local object = require "pcap.capture.object"
local options = require "pcap.core.options"
local place = require "pcap.core.place"

local Capture, methods = object.class, {}

--- Opens a savefile to write packets of this capture's kind to. It outlives the capture.
---@param fname string|integer|file*  "-" is stdout; or a descriptor or an open Lua file, written
--- to from where it stands through a copy, and left open
---@param opts? table    for a path: {append = true} adds to an existing file of the same magic,
--- link type, snapshot length and precision; any other is left as it is
---@return table|nil dumper
---@return string|nil message  naming the file
---pcap_dump_fopen, pcap_dump_open_append
function methods:dump_open(fname, opts)
  local handle = check.open(self, Capture, "dump_open")
  local where = place.read(fname, "dump_open")
  opts = options.read(opts, 2, "dump_open", { append = options.flag })
  if opts.append and not place.is_path(where) then
    check.fail(2, "dump_open", "option 'append' needs a path")
  end
  return dumper.open(where, kinds.of(handle), opts.append, self._in_use)
end

return methods
