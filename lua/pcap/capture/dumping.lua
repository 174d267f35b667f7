--- Dumping: savefiles for packets of a capture's kind.

local check = require "pcap.core.check"
local kinds = require "pcap.sink.kinds"
local object = require "pcap.capture.object"
local opening = require "pcap.sink.opening"
local options = require "pcap.core.options"
local origin = require "pcap.capture.origin"
local place = require "pcap.core.place"

local Capture, methods = object.class, {}

--- Opens a savefile to write packets of this capture's kind to. The dumper outlives the capture.
---@param fname string|integer|file*|function  a path; "-" is stdout; or a descriptor or an open Lua
--- file, which is written to through a copy from its position on, and left open; or a function, as
--- `write` of pcap.dumper()
---@param opts? table    append = true, for a path, adds to an existing file. A classic file must
--- have the same magic, link type, snapshot length and precision; others are left as they are.
--- format = "pcapng", and what such a file says: section = table, interface = table, with the names
--- of cap:section() and cap:interfaces(). compress = "gzip" or "zstd", level = integer. limit =
--- bytes, for a function. rotate = table: see sink/rotating.lua
---@return table|nil dumper
---@return string|nil message  naming the file
---pcap_dump_fopen, pcap_dump_open_append
function methods:dump_open(fname, opts)
  local handle = check.open(self, Capture, "dump_open")
  local where = type(fname) == "function" and opening.to_memory(fname)
    or place.read(fname, "dump_open")
  opts = options.read(opts, 2, "dump_open", opening.OPTIONS)
  local problem = opening.problem(where, opts)
  if problem then
    check.fail(2, "dump_open", problem)
  end
  opts.origin = origin.of(self)
  return opening.open(where, kinds.of(handle), opts, self._in_use)
end

return methods
