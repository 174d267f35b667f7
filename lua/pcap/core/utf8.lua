--- UTF-8: whether a text is that, as RFC 3629 has it.

local utf8 = {}

-- By the first byte: how many bytes follow it, and between which the next one is.
local function follow(first)
  if first >= 0xc2 and first <= 0xdf then
    return 1, 0x80, 0xbf
  elseif first >= 0xe0 and first <= 0xef then
    return 2, first == 0xe0 and 0xa0 or 0x80, first == 0xed and 0x9f or 0xbf
  elseif first >= 0xf0 and first <= 0xf4 then
    return 3, first == 0xf0 and 0x90 or 0x80, first == 0xf4 and 0x8f or 0xbf
  end
end

local function is_character(text, at, count, low, high)
  for i = 1, count do
    local byte = text:byte(at + i) or 0
    if byte < low or byte > high then
      return false
    end
    low, high = 0x80, 0xbf
  end
  return true
end

--- Where a text is not UTF-8: the position of a byte, or nil.
---@param text string
---@return integer|nil position
function utf8.problem(text)
  local at = text:find "[\128-\255]"
  while at do
    local count, low, high = follow(text:byte(at))
    if not count or not is_character(text, at, count, low, high) then
      return at
    end
    at = text:find("[\128-\255]", at + count + 1)
  end
end

return utf8
