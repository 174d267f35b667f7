--- What fields there are, by layer, seen when the decoder makes its views. Load it first.

local view = require "pcap.decode.view"

local views = {}

local of_type, by_name = {}, nil
local make = view.type

function view.type(name, size, fields, members) -- luacheck: ignore
  local made = make(name, size, fields, members)
  of_type[made] = fields
  return made
end

--- By a view's name: a set of its fields.
function views.fields()
  if not by_name then
    by_name = {}
    for _, numbers in pairs(require "pcap.decode.dispatch") do
      for _, file in pairs(numbers) do
        local protocol = type(file) == "string" and require("pcap.decode." .. file) or file
        local fields = of_type[protocol.view]
        for field in pairs(fields or {}) do
          by_name[protocol.name] = by_name[protocol.name] or {}
          by_name[protocol.name][field] = true
        end
      end
    end
  end
  return by_name
end

-- Members that fields are read from, or that other decoders ask for.
local INSIDE = { kept = true, number = true, type_at = true, size = true, qos_at = true,
  frame_at = true, fragment = true, fragment_id = true, routing_kind = true, segments = true,
  has_home = true }

-- What all views have.
local COMMON = { begin = true, content_length = true }

--- By a view's name: a set of the fields that users may ask for, beside what all views have.
function views.public()
  local by_view = {}
  for name, fields in pairs(views.fields()) do
    by_view[name] = {}
    for field in pairs(fields) do
      local is_inside = INSIDE[field] or name == "frame_relay" and field == "protocol"
      by_view[name][field] = not is_inside and not COMMON[field] or nil
    end
  end
  return by_view
end

return views
