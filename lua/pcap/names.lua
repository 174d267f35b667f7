--- Names: link types and time stamp types, by number and by name, as libpcap has them.

local ffi = require "ffi"
local check = require "pcap.core.check"
local DLT = require "pcap.dlt"
local options = require "pcap.core.options"
local shim = require "pcap.core.shim"

local names = {}

local function text(pointer)
  if pointer ~= nil then
    return ffi.string(pointer)
  end
end

-- By public function: libpcap's function from a number to text, what the number is, and, if libpcap
-- may have no text, a table that has one.
local TEXTS = {
  --- datalink_name(dlt): the link type's name without DLT_, or nil, message.
  datalink_name = { "luapcap_datalink_val_to_name", "link type", DLT },
  --- datalink_description(dlt): what the link type is, in words, or nil, message.
  datalink_description = { "luapcap_datalink_val_to_description", "link type" },
  --- tstamp_type_name(type): as in pcap-tstamp(7), or nil, message.
  tstamp_type_name = { "luapcap_tstamp_type_val_to_name", "time stamp type" },
  --- tstamp_type_description(type): in words, or nil, message.
  tstamp_type_description = { "luapcap_tstamp_type_val_to_description", "time stamp type" },
}

for name, row in pairs(TEXTS) do
  local symbol, what, known = unpack(row)
  names[name] = function(number)
    number = check.integer(number, 1, name, -2 ^ 31, 2 ^ 31 - 1)
    local found = text(shim[symbol](number)) or known and known[number]
    if not found then
      return nil, ("unknown %s: %d"):format(what, number)
    end
    return found
  end
end

-- The other way, from a name to a number. As for libpcap, upper and lower case are the same.
local NUMBERS = {
  --- datalink(name): the link type's number, or nil, message.
  datalink = { "luapcap_datalink_name_to_val", "link type", DLT },
  --- tstamp_type(name): the time stamp type's number, or nil, message.
  tstamp_type = { "luapcap_tstamp_type_name_to_val", "time stamp type" },
}

for name, row in pairs(NUMBERS) do
  local symbol, what, known = unpack(row)
  names[name] = function(given)
    check.cstring(given, 1, name)
    local number = shim[symbol](given)
    if number < 0 then
      number = known and known[given:upper()]
    end
    if not number then
      return nil, ("unknown %s: %s"):format(what, given)
    end
    return number
  end
end

local small = options.integer(0, 2 ^ 31 - 1)

--- The kind of option (options.lua) that names a time stamp type, or gives its number.
function names.tstamp_type_option(value)
  local number = value
  if type(value) == "string" and not value:find("\0", 1, true) then
    number = names.tstamp_type(value)
  end
  number = small(number)
  if number and shim.luapcap_tstamp_type_val_to_name(number) ~= nil then
    return number
  end
  return nil, "time stamp type"
end

return names
