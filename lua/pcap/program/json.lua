--- Values of Lua as JSON (RFC 8259), in one line.

local utf8 = require "pcap.core.utf8"

local json = {}

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(byte)
  return ESCAPES[byte] or ("\\u%04x"):format(byte:byte())
end

--- A string. If it is no UTF-8, its bytes are taken as characters of Latin-1.
---@param text string
function json.string(text)
  if not text:find '[%c"\\\128-\255]' then
    return '"' .. text .. '"' -- most are plain
  end
  return '"' .. text:gsub(utf8.problem(text) and '[%c"\\\127-\255]' or '[%c"\\]', escape) .. '"'
end

--- Bytes, as a string of hexadecimal digits.
---@param bytes string
function json.hex(bytes)
  return '"' .. bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end) .. '"'
end

--- A number, a truth value, or an integer of 64 bits, which keeps all digits.
function json.scalar(value)
  if type(value) == "number" then
    if value % 1 ~= 0 then
      return ("%.17g"):format(value)
    end
    return value < 1e14 and value > -1e14 and tostring(value) or ("%.0f"):format(value)
  end
  return (tostring(value):gsub("U?LL$", ""))
end

--- A list or an object of parts that are JSON already. An object's parts are `"key":value`.

function json.list(parts)
  return "[" .. table.concat(parts, ",") .. "]"
end

function json.object(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

--- A part of an object.
---@param key string    of letters, digits and underscores
---@param value string  JSON
function json.pair(key, value)
  return '"' .. key .. '":' .. value
end

return json
