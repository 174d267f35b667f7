--- Turns what users say of sections, interfaces and packets into options. The names are those of
-- cap:section(), cap:interfaces() and packets.

local ffi = require "ffi"
local address = require "pcap.core.address"
local bytes = require "pcap.sink.pcapng_bytes"
local options = require "pcap.core.options"
local utf8 = require "pcap.core.utf8"

local fields = {}

local uint64 = ffi.typeof("uint64_t")
local int64 = ffi.typeof("int64_t")

local long, byte = bytes.u64, string.char

--- A text that readers can show in full, or nil and what is wrong with it.
function fields.text(value)
  local at = utf8.problem(value) or value:find("\0", 1, true)
  if at then
    return nil, ("text is not UTF-8, or has a NUL, at byte %d"):format(at)
  end
  return value
end

local function filter(value)
  local shown, problem = fields.text(value)
  return shown and "\0" .. shown, problem
end

-- An encoder of link-layer addresses of `size` bytes.
local function hardware(size)
  return function(value)
    return address.parse_hardware(value, size)
      or nil, ("%q is no address of %d bytes"):format(value, size)
  end
end

local function typed(value)
  return string.char(value.type) .. value.data
end

-- The bytes of an IPv4 address's netmask.
local function netmask(value)
  local prefix = value.prefix or 32
  if value.netmask then
    local mask = address.parse(value.netmask)
    return mask and #mask == 4 and mask or nil, ("%q is no netmask"):format(value.netmask)
  elseif prefix > 32 then
    return nil, ("an IPv4 address has no prefix of %d bits"):format(prefix)
  end
  local mask = 2 ^ 32 - 2 ^ (32 - prefix)
  return byte(mask / 2 ^ 24, mask / 2 ^ 16 % 256, mask / 2 ^ 8 % 256, mask % 256)
end

-- An address of an interface: code and value.
local function interface_address(value)
  local own = address.parse(value.address)
  if not own then
    return nil, ("%q is no IP address"):format(value.address)
  elseif #own == 16 then
    if value.netmask then
      return nil, "an IPv6 address has a prefix, no netmask"
    end
    return { code = 5, value = own .. string.char(value.prefix or 128) }
  end
  local mask, problem = netmask(value)
  return mask and { code = 4, value = own .. mask }, problem
end

-- Kinds of values, as core/options.lua wants them.
local function number64(value)
  if ffi.istype(uint64, value) or ffi.istype(int64, value)
    or type(value) == "number" and value >= 0 and value < 2 ^ 53 and value % 1 == 0 then
    return value
  end
  return nil, "integer below 2^53, or a uint64_t,"
end

local function tsresol(value)
  if type(value) == "number" and value % 1 == 0 and (value >= 0 and value <= 19
    or value >= 128 and value <= 128 + 63) then
    return value
  end
  return nil, "integer from 0 to 19, or from 128 to 191,"
end

local u8 = options.integer(0, 255)
local tagged = options.record({ type = u8, data = options.string }, { "type", "data" })
local addresses = options.list(options.record({ address = options.string,
  netmask = options.string, prefix = options.integer(0, 128) }, { "address" }), "tables")

-- { code, name, kind, encoder, whether it is a list }, in the order in which they are written.
local COMMENTS = { 1, "comments", options.list(options.string, "strings"), fields.text, true }

fields.SECTION = {
  COMMENTS,
  { 2, "hardware", options.string, fields.text }, { 3, "os", options.string, fields.text },
  { 4, "application", options.string, fields.text },
}

fields.INTERFACE = {
  COMMENTS,
  { 2, "name", options.string, fields.text }, { 3, "description", options.string, fields.text },
  { false, "addresses", addresses, interface_address, true },
  { 6, "mac", options.string, hardware(6) }, { 7, "eui", options.string, hardware(8) },
  { 8, "speed", number64, long }, { 9, "tsresol", tsresol, byte },
  { 11, "filter", options.string, filter }, { 12, "os", options.string, fields.text },
  { 13, "fcslen", u8, byte },
  { 14, "tsoffset", options.integer(-2 ^ 52, 2 ^ 52), bytes.i64 },
  { 15, "hardware", options.string, fields.text }, { 16, "txspeed", number64, long },
  { 17, "rxspeed", number64, long },
}

fields.PACKET = {
  COMMENTS,
  { 2, "flags", options.integer(0, 2 ^ 32 - 1), bytes.u32 },
  { 3, "hash", tagged, typed }, { 4, "dropped", number64, long }, { 5, "id", number64, long },
  { 6, "queue", options.integer(0, 2 ^ 32 - 1), bytes.u32 },
  { 7, "verdict", tagged, typed },
}

local function ignored(value)
  return value
end

--- The kinds of a table of fields, for options.read().
---@param known table    one of the lists above
---@param more? table    by key: other kinds
---@param others? table  names that are accepted but not written, because a reader gives them too
---@return table kinds
function fields.kinds(known, more, others)
  local kinds, unwritten = { comment = options.string }, {}
  for _, field in ipairs(known) do
    kinds[field[2]] = field[3]
  end
  for key, kind in pairs(more or {}) do
    kinds[key] = kind
  end
  for _, key in ipairs(others or {}) do
    unwritten[key] = ignored
  end
  return setmetatable(kinds, { __index = unwritten })
end

local function add(list, code, encode, value)
  local encoded, problem = encode(value)
  if not encoded then
    return nil, problem
  end
  list[#list + 1] = type(encoded) == "table" and encoded or { code = code, value = encoded }
  return true
end

--- The options for a table of fields. If it has both `comments` and `comment`, `comments` counts:
-- `comment` is the first of them.
---@param known table
---@param values table
---@return { code: integer, value: string }[]|nil list
---@return string|nil message  a text is not UTF-8, an address is none
function fields.list(known, values)
  local list = {}
  for _, field in ipairs(known) do
    local code, name, encode, is_list = field[1], field[2], field[4], field[5]
    local value = values[name]
    if name == "comments" and not value and values.comment then
      value = { values.comment }
    end
    for _, item in ipairs(is_list and value or { value }) do
      local done, problem = add(list, code, encode, item)
      if not done then
        return nil, name .. ": " .. problem
      end
    end
  end
  return list
end

--- The fields that can be written. The caller has not asked for the others, so they are left out
-- without an error.
---@param known table
---@param values table
---@return table values
function fields.writable(known, values)
  local kept = {}
  for key, value in pairs(values) do
    kept[key] = fields.list(known, { [key] = value }) and value or nil
  end
  return kept
end

return fields
