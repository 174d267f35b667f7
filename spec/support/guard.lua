--- Memory that ends at a page nobody may read: one byte too far and the process is dead.

local ffi = require "ffi"

local guard = {}

ffi.cdef [[
  void *luapcapspec_mmap(void *, size_t, int, int, int, long) __asm__("mmap");
  int luapcapspec_mprotect(void *, size_t, int) __asm__("mprotect");
  int luapcapspec_munmap(void *, size_t) __asm__("munmap");
  int luapcapspec_getpagesize(void) __asm__("getpagesize");
]]

local READ_WRITE, NONE = 3, 0
local PRIVATE_ANONYMOUS = ffi.os == "Linux" and 0x22 or 0x1002

--- Room for packets of up to `size` bytes. Gives a function that puts a packet's bytes right
-- before the forbidden page and points a luapcap_packet at them, and one that frees the room.
function guard.room(size)
  local page = ffi.C.luapcapspec_getpagesize()
  local room = math.ceil(size / page) * page
  local base = ffi.C.luapcapspec_mmap(nil, room + page, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0)
  assert(ffi.cast("intptr_t", base) ~= -1, "mmap failed")
  local fence = ffi.cast("uint8_t *", base) + room
  assert(ffi.C.luapcapspec_mprotect(fence, page, NONE) == 0, "mprotect failed")
  local function put(pkt, bytes, wirelen)
    pkt.data = fence - #bytes
    ffi.copy(fence - #bytes, bytes, #bytes)
    pkt.caplen, pkt.wirelen = #bytes, wirelen or #bytes
    return pkt
  end
  local function free()
    ffi.C.luapcapspec_munmap(base, room + page)
  end
  return put, free
end

return guard
