--- What is scarce, descriptors and memory: garbage may hold what opening wants and does not get.

local scarce = {}

-- ENFILE, EMFILE, and ENOMEM, which is a live capture's ring that found no room.
local ERRNOS = { [23] = true, [24] = true, [12] = true }

--- Opens something, and where it is not to be had, once more behind a collection of garbage: in two
-- cycles, for a capture's packet goes before its handle.
---@param open function  open(...) gives it, and one value more; or nil, that value and errno
---@return any opened
---@return any more      of the last try
function scarce.open(open, ...)
  local opened, more, errno = open(...)
  if not opened and ERRNOS[errno] then
    collectgarbage()
    collectgarbage()
    opened, more = open(...)
  end
  return opened, more
end

return scarce
