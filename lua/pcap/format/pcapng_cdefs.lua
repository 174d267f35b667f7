--- The C structs that hold the interfaces of a pcapng file while it is read.

local ffi = require "ffi"
require "pcap.core.cdefs"

-- `numbers` points to the same memory as `list`, as doubles. The hot step reads the first six of an
-- interface, and then the first three integers. It shifts an interface's number to find it, so an
-- interface takes as many bytes as a power of two: `room` fills them up.
local declarations = [[
typedef struct luapcap_interface {
  double resolution;
  double inverse;
  double scale;
  double bias;
  double unit;
  double offset;
  int32_t plain_snaplen;
  int32_t linktype;
  int32_t number;
  int32_t needs_fix;
  uint64_t exact_resolution;
  int64_t exact_offset;
  uint32_t snaplen;
  uint32_t file_linktype;
  int32_t binary;
  int32_t room[9];
} luapcap_interface;

struct luapcap_interfaces {
  luapcap_interface *list;
  const double *numbers;
  int32_t count;
  int32_t native_count;
  uint32_t before;
};
]]

if not pcall(ffi.typeof, "luapcap_interface") then
  ffi.cdef(declarations)
end
