--- The C structs of pcapng: what stands in a file, and what is known of it while it is read.

local ffi = require "ffi"
require "pcap.core.cdefs"

local declarations = [[
typedef struct luapcap_enhanced_packet {
  int32_t type;
  int32_t length;
  int32_t interface;
  int32_t high;
  int32_t low;
  int32_t caplen;
  uint32_t wirelen;
} luapcap_enhanced_packet;

typedef struct luapcap_interface {
  double resolution;
  double inverse;
  double scale;
  double bias;
  double unit;
  double offset;
  uint64_t exact_resolution;
  int64_t exact_offset;
  int32_t plain_snaplen;
  uint32_t snaplen;
  int32_t linktype;
  int32_t binary;
  int32_t needs_fix;
  uint32_t file_linktype;
} luapcap_interface;

struct luapcap_interfaces {
  luapcap_interface *list;
  int32_t count;
  int32_t native_count;
  uint32_t before;
};
]]

if not pcall(ffi.typeof, "luapcap_interface") then
  ffi.cdef(declarations)
end
