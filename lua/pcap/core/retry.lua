--- Tries again if descriptors or memory are short: garbage may hold what opening needs.

local retry = {}

-- ENFILE, EMFILE and ENOMEM. The last means that there was no room for a live capture's ring.
local ERRNOS = { [23] = true, [24] = true, [12] = true }

--- Opens something. If the system has none left, garbage is collected and a second try is made.
-- It takes two collections: the first frees a capture's packet, the second its handle.
---@param open function  open(...) returns what it opened and one more value, or nil, that value
--- and errno
---@return any opened
---@return any more      of the last try
---@return integer|nil errno
function retry.open(open, ...)
  local opened, more, errno = open(...)
  if not opened and ERRNOS[errno] then
    collectgarbage()
    collectgarbage()
    opened, more, errno = open(...)
  end
  return opened, more, errno
end

return retry
