--- What is scarce, descriptors and memory: garbage may hold what opening wants and does not get.

local scarce = {}

-- ENFILE, EMFILE, and ENOMEM, which is a live capture's ring that found no room.
local ERRNOS = { [23] = true, [24] = true, [12] = true }

--- Collects garbage where that may help, in two cycles, for a capture's packet goes before its
-- handle.
---@param errno integer|nil  of opening
---@return boolean          whether opening is worth another try
function scarce.frees(errno)
  if not ERRNOS[errno] then
    return false
  end
  collectgarbage()
  collectgarbage()
  return true
end

return scarce
