--- Finds the messages of HTTP/1 in the bytes of a TCP segment. It does not put segments together: a
-- message is found if its first line begins in a segment, or right after a message that ends there.

local http = {}

local REQUEST = "^(%u+) (%S+) (HTTP/1%.[01])\r?\n"
local RESPONSE = "^(HTTP/1%.[01]) (%d%d%d) ?([^\r\n]*)\r?\n"
-- Longer words are no methods. (The longest that is registered is UPDATEREDIRECTREF.)
local LONGEST_METHOD = 20

-- The value of a header field, by its name in lower case. The head is cut short if the segment is.
local function field(head, name)
  for key, value in head:gmatch "\n([%w-]+):[ \t]*([^\r\n]*)" do
    if key:lower() == name then
      return value:match "^.*%S"
    end
  end
  return nil
end

local function read(bytes, at)
  local method, target, version = bytes:match(REQUEST, at)
  if method and #method <= LONGEST_METHOD then
    return { method = method, target = target, version = version }
  end
  local answer, status, reason = bytes:match(RESPONSE, at)
  if answer then
    return { version = answer, status = tonumber(status), reason = reason }
  end
end

-- Where the next message may begin: after the head, and the body if its length is told.
local function next_at(message, head, head_end)
  if field(head, "transfer-encoding") then
    return nil
  end
  local length = tonumber((field(head, "content-length") or ""):match "^%d+$")
  local has_none = message.method and not length or message.status == 304 or message.status == 204
  return (length or has_none) and head_end + 1 + (length or 0)
end

--- The messages in a segment.
---@param bytes string
---@return table list  of tables: a request has `method`, `target`, `version` and `host`, a response
--- `version`, `status`, `reason`, `type` (of its content) and `length`. What is not told is nil
function http.messages(bytes)
  local list, at = {}, 1
  while at and at <= #bytes do
    -- A cheap look first: most segments are in the middle of something.
    local message = bytes:find("^[%u]+[ /]", at) and read(bytes, at)
    if not message then
      break
    end
    local _, head_end = bytes:find("\r?\n\r?\n", at)
    local head = bytes:sub(at, head_end)
    message.host, message.type = field(head, "host"), field(head, "content-type")
    message.length = tonumber(field(head, "content-length"))
    list[#list + 1] = message
    at = head_end and next_at(message, head, head_end)
  end
  return list
end

return http
