--- A veth pair for the benchmarks that capture or send, where this process may make one.

local pair = {}

--- Calls work(near, far) with the pair's names, both ends up and silent, and removes the pair.
---@param work function
---@return boolean made  false where it cannot be made; nothing was called then
function pair.with(work)
  local near, far = "lpbench0", "lpbench1"
  if os.execute(("ip link add %s type veth peer name %s 2>/dev/null"):format(near, far)) ~= 0 then
    return false
  end
  for _, device in ipairs { near, far } do
    os.execute(("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1; ip link set %s up")
      :format(device, device))
  end
  local done, message = xpcall(work, debug.traceback, near, far)
  os.execute("ip link del " .. near)
  assert(done, message)
  return true
end

return pair
