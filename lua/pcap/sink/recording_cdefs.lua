--- The C declarations that a plain dumper does not need: those of streams, rotations and recorders.

local ffi = require "ffi"
require "pcap.core.cdefs"

local recording_cdefs = {}

--- For `make abicheck`.
recording_cdefs.declarations = [[
typedef struct luapcap_recorder luapcap_recorder;
typedef struct luapcap_cursor luapcap_cursor;
int luapcap_dumper_pack(luapcap_dumper *dumper, const char *name, int level, char *errbuf);
int luapcap_dumper_finish(luapcap_dumper *dumper);
int luapcap_dumper_start_thread(luapcap_dumper *dumper);
double luapcap_dumper_waiting(const luapcap_dumper *dumper);
double luapcap_dumper_held(const luapcap_dumper *dumper);
const uint8_t *luapcap_dumper_bytes(const luapcap_dumper *dumper);
void luapcap_dumper_release(luapcap_dumper *dumper, size_t count, size_t keep);
void luapcap_dumper_break(luapcap_dumper *dumper, int error);
luapcap_recorder *luapcap_recorder_new(double limit, double seconds);
void luapcap_recorder_free(luapcap_recorder *recorder);
int luapcap_recorder_add(luapcap_recorder *recorder, const luapcap_packet *packet);
luapcap_cursor *luapcap_cursor_new(luapcap_recorder *recorder);
int luapcap_cursor_next(luapcap_cursor *cursor, luapcap_packet *packet);
void luapcap_cursor_free(luapcap_cursor *cursor);
double luapcap_recorder_packets(const luapcap_recorder *recorder);
double luapcap_recorder_bytes(const luapcap_recorder *recorder);
double luapcap_second(void);
int luapcap_path_state(const char *path, char *text, size_t size);
]]

if not pcall(ffi.typeof, "luapcap_recorder") then
  ffi.cdef(recording_cdefs.declarations)
end

return recording_cdefs
