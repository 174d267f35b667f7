--- All headers of a packet with all their fields, as JSON. Which fields there are, and what is in
-- them, is what types.lua declares: a spec compares it with the decoder.

local check = require "pcap.program.check"
local json = require "pcap.program.json"

local fields = {}

-- A stranger may send thousands of tunnels in each other. So many are told.
local DEEPEST = 16

-- By class: a list of {name =, type =, is_list =, is_bytes =}; and those of the headers.
local classes, headers

-- Whether a class has the same in another form, which would be noise: `src_bytes` of `src`.
local function is_twin(class, name)
  local base = name:match "^(.+)_bytes$" or name:match "^(.+)_number$"
  for _, field in ipairs(class) do
    if field.name == base then
      return true
    end
  end
  return false
end

local function read_classes()
  classes = {}
  local path = check.done(package.searchpath("pcap.types", package.path))
  local class
  for line in io.lines(path) do
    local name = line:match "^%-%-%-@class pcap%.([%w_.]+)"
    local field, kind, rest = line:match "^%-%-%-@field ([%w_]+)%??%s+([%w_.%[%]]+)%s*(.*)"
    if name then
      class = {}
      classes[name] = class
    elseif class and field and not is_twin(class, field) then
      table.insert(class, { name = field, type = kind:gsub("%[%]$", ""):gsub("^pcap%.", ""),
        is_list = kind:find "%[%]$" ~= nil, is_bytes = kind == "string" and rest:find "^bytes" })
    end
  end
end

-- What a layers object may have besides headers has other types.
local function read_headers()
  headers = {}
  for _, field in ipairs(classes.Layers) do
    if field.type:find "^view%." then
      headers[#headers + 1] = field
    end
  end
end

local value_of

local function list(values, field)
  local parts = {}
  for i, value in ipairs(values) do
    parts[i] = value_of(value, field)
  end
  return json.list(parts)
end

-- The fields of a class that an object has.
local function parts_of(object, class)
  local parts, known = {}, classes[class]
  for i = 1, #known do
    local field = known[i]
    local value = object[field.name]
    if value ~= nil then
      parts[#parts + 1] = json.pair(field.name,
        field.is_list and list(value, field) or value_of(value, field))
    end
  end
  return parts
end

-- The options of TCP are a list of kinds and an object in one.
local function tcp_options(value)
  local parts = parts_of(value, "tcp_options")
  table.insert(parts, 1, json.pair("kinds", list(value, { type = "integer" })))
  return json.object(parts)
end

function value_of(value, field)
  if field.type == "Layers" then
    return fields.headers(value)
  elseif field.type == "tcp_options" then
    return tcp_options(value)
  elseif classes[field.type] then
    return json.object(parts_of(value, field.type))
  elseif type(value) == "table" then
    return list(value, { type = field.type })
  elseif type(value) == "string" then
    return field.is_bytes and json.hex(value) or json.string(value)
  end
  return json.scalar(value)
end

-- The headers of a packet, the outermost first. There are few, so they are sorted as they come.
local function headers_of(layers)
  local found = {}
  for i = 1, #headers do
    local field = headers[i]
    local view = layers[field.name]
    if view then
      local at = #found
      while at > 0 and found[at].view.begin > view.begin do
        found[at + 1], at = found[at], at - 1
      end
      found[at + 1] = { field = field, view = view }
    end
  end
  return found
end

--- The headers as a JSON object, by their names. `inner` is what is in a tunnel.
---@param layers table  of decode.layers(), filled
---@param depth? integer  tunnels around it
---@return string
function fields.headers(layers, depth)
  depth = depth or 0
  if not classes then
    read_classes()
    read_headers()
  end
  local parts = {}
  for i, header in ipairs(headers_of(layers)) do
    parts[i] = json.pair(header.field.name,
      json.object(parts_of(header.view, header.field.type)))
  end
  parts[#parts + 1] = json.pair("payload_length", json.scalar(layers.payload_length))
  if layers.error then
    parts[#parts + 1] = json.pair("error", json.string(layers.error))
  end
  if layers.inner and depth < DEEPEST then
    parts[#parts + 1] = json.pair("inner", fields.headers(layers.inner, depth + 1))
  end
  return json.object(parts)
end

return fields
