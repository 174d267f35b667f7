--- The C structs that hold the interfaces of a pcapng file while it is read.

local ffi = require "ffi"
require "pcap.core.cdefs"

-- `numbers` points to the same memory as `list`, as doubles. Each interface has as many doubles as
-- fill its struct. The hot step reads the first nine.
local declarations = [[
typedef struct luapcap_interface {
  double resolution;
  double inverse;
  double scale;
  double bias;
  double unit;
  double offset;
  double plain_snaplen;
  double linktype;
  double number;
  uint64_t exact_resolution;
  int64_t exact_offset;
  uint32_t snaplen;
  int32_t binary;
  int32_t needs_fix;
  uint32_t file_linktype;
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
