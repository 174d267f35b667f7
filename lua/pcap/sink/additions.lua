--- What a dumper writes into a pcapng file besides packets. A classic file has none of it.

local check = require "pcap.core.check"
local object = require "pcap.sink.dumper_object"
local options = require "pcap.core.options"

local pcapng = require("pcap.core.on_demand").module "pcap.sink.pcapng"

local Dumper, failed, methods = object.class, object.failed, {}

-- Calls a method of the writer that only a format with options has.
local function have(self, name, what, ...)
  local writer = self._writer
  if not self._format.PACKET then
    return failed(self, self._format.name .. " has no " .. what)
  end
  local done, message = writer[name](writer, ...)
  if not done then
    return failed(self, message)
  end
  return done == true and self or done
end

--- Adds an interface. A packet goes there if dump() is given its number, or by the packet's own
-- `interface`.
---@param values? table  as cap:interfaces() gives one: {linktype =, snaplen =, name =,
--- description =, filter =, os =, hardware =, tsresol =, ...}; by default as the dumper's own
---@return integer|nil number  from 1
---@return string|nil message
function methods:add_interface(values)
  check.open(self, Dumper, "add_interface")
  values = options.read(values, 1, "add_interface", pcapng.INTERFACE)
  return have(self, "add_interface", "interfaces", values)
end

--- Writes a comment on the file's section. If the section has something in it already, that stays
-- and a new section begins.
---@param text string  UTF-8
---@return table|nil dumper  itself
---@return string|nil message
function methods:comment(text)
  check.open(self, Dumper, "comment")
  return have(self, "comment", "comments", check.bytes(text, 1, "comment"))
end

local NAMES = options.list(options.record({ address = options.string,
  names = options.list(options.string, "strings") }, { "address", "names" }), "tables")
local SECRETS = options.list(options.record({ type = options.integer(0, 2 ^ 32 - 1),
  data = options.string }, { "type", "data" }), "tables")

-- Adds a list of records, or one record, which has the field `field`. It is called at the end of a
-- method, so that misuse is told of the method's caller.
local function add_list(self, method, what, read, list, field)
  check.open(self, Dumper, method)
  check.table(list, 1, method)
  local entries, _, problem = read(list[field] and { list } or list)
  if not entries then
    check.fail(1, method, problem)
  end
  return have(self, method, what, entries)
end

--- Writes names of addresses.
---@param list table  of {address = "192.0.2.1", names = { "example.org" }}, as cap:names() gives
--- it; or one such table
---@return table|nil dumper  itself
---@return string|nil message
function methods:add_names(list)
  return add_list(self, "add_names", "names", NAMES, list, "address")
end

--- Writes secrets to decrypt the packets that follow.
---@param list table  of {type = number, data = bytes}, as cap:secrets() gives it; or one such table
---@return table|nil dumper  itself
---@return string|nil message
function methods:add_secrets(list)
  return add_list(self, "add_secrets", "secrets", SECRETS, list, "data")
end

-- Types of blocks that only the dumper may write, because the file's structure depends on them.
local RESERVED = { [0x0a0d0d0a] = true, [1] = true, [2] = true, [3] = true, [6] = true }

--- Writes a block of another type. Readers that do not know the type skip it.
---@param kind integer  the block's type
---@param body string   the bytes between its two lengths
---@return table|nil dumper  itself
---@return string|nil message
function methods:add_block(kind, body)
  check.open(self, Dumper, "add_block")
  check.integer(kind, 1, "add_block", 0, 2 ^ 32 - 1)
  if RESERVED[kind] then
    check.fail(1, "add_block", ("block type %.0f is the dumper's own"):format(kind))
  end
  return have(self, "add_block", "blocks", kind, check.bytes(body, 2, "add_block"))
end

return methods
