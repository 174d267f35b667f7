--- Sets a hook again that LuaJIT has lost.
--
-- A signal's handler in C sets a debug hook, in which the handler in Lua will run. If the signal
-- comes while LuaJIT begins or ends a trace, LuaJIT finishes with its own table of dispatch: it
-- knows the hook, but never runs it, and new hooks meet the same table. Taking the hook away and
-- setting it again makes the table anew.

local ffi = require "ffi"

ffi.cdef [[
  void *luapcap_lua_gethook(void *) __asm__("lua_gethook");
  int luapcap_lua_gethookmask(void *) __asm__("lua_gethookmask");
  int luapcap_lua_gethookcount(void *) __asm__("lua_gethookcount");
  int luapcap_lua_sethook(void *, void *, int, int) __asm__("lua_sethook");
]]

local C = ffi.C

local lost_hook = {}

-- All threads have one hook in common, so any will do. This one is made late, because nginx forbids
-- to make one while the module is loaded.
local thread

--- Sets the hook again, the same as it is.
function lost_hook.set_again()
  thread = thread or coroutine.create(lost_hook.set_again)
  local state = ffi.cast("void *", tonumber(tostring(thread):match "0x%x+"))
  local hook = C.luapcap_lua_gethook(state)
  local mask, count = C.luapcap_lua_gethookmask(state), C.luapcap_lua_gethookcount(state)
  C.luapcap_lua_sethook(state, nil, 0, 0)
  C.luapcap_lua_sethook(state, hook, mask, count)
end

return lost_hook
