--- C as FFI sees it: the structs, and the shim's functions that most programs use.
--
-- The names in a cdef are global to the process, and another module may declare libpcap's own
-- names before or after us. So every name starts with `luapcap_`. What only some programs use is
-- declared where it is used, in the files whose names end in `cdefs.lua`. `make abicheck` compares
-- all of them with the real headers.

local ffi = require "ffi"
local libpcap_cdefs = require "pcap.core.libpcap_cdefs"

local declarations = [[
typedef struct luapcap_t luapcap_t;
typedef struct luapcap_dumper luapcap_dumper;
typedef struct luapcap_if luapcap_if;
typedef struct luapcap_addr luapcap_addr;
typedef unsigned int luapcap_direction;
typedef struct luapcap_input luapcap_input;
typedef struct luapcap_file luapcap_file;
typedef struct luapcap_interfaces luapcap_interfaces;

typedef struct luapcap_packet {
  const uint8_t *data;
  uint32_t caplen;
  uint32_t wirelen;
  double sec;
  double nsec;
  const uint8_t *options_start;
  uint32_t options_length;
  int32_t linktype;
  uint32_t interface;
  uint32_t flags;
  uint8_t own[?];
} luapcap_packet;

typedef struct luapcap_window {
  uint8_t *bytes;
  double offset;
  int32_t size;
  int32_t len;
  int32_t pos;
  int32_t problem;
  int32_t max_caplen;
  luapcap_interfaces *interfaces;
} luapcap_window;

typedef struct luapcap_record {
  int32_t sec;
  int32_t fraction;
  int32_t caplen;
  uint32_t wirelen;
} luapcap_record;

typedef struct luapcap_file_header {
  uint32_t magic;
  uint16_t major;
  uint16_t minor;
  int32_t zone;
  uint32_t accuracy;
  uint32_t snaplen;
  uint32_t linktype;
} luapcap_file_header;

typedef struct luapcap_block_interface {
  uint64_t units;
  uint64_t units_per_nsec;
  double offset;
  double first;
  double last;
  uint32_t nsec_per_unit;
  int32_t power;
  uint32_t number;
  uint32_t longest;
  int32_t linktype;
} luapcap_block_interface;

typedef struct luapcap_bpf_insn {
  uint16_t code;
  uint8_t jt;
  uint8_t jf;
  uint32_t k;
} luapcap_bpf_insn;

typedef struct luapcap_bpf_program {
  unsigned int bf_len;
  luapcap_bpf_insn *bf_insns;
} luapcap_bpf_program;

typedef struct luapcap_signals {
  uint8_t before[128];
  int32_t held;
} luapcap_signals;

typedef struct luapcap_descriptors {
  int32_t count;
  int32_t fds[64];
} luapcap_descriptors;

typedef struct luapcap_turn {
  double sec;
  double nsec;
  int32_t source;
} luapcap_turn;

typedef struct luapcap_stat {
  double received;
  double dropped;
  double if_dropped;
} luapcap_stat;

typedef struct luapcap_device {
  const char *name;
  const char *description;
  const luapcap_addr *addresses;
  uint32_t flags;
} luapcap_device;

typedef struct luapcap_address {
  int32_t family;
  char address[64];
  char netmask[64];
  char broadcast[64];
  char destination[64];
} luapcap_address;

const char *luapcap_dlt_name(int index);
int luapcap_dlt_value(int index);

void luapcap_savefile_problem(void *bytes, size_t size, char *message);
int luapcap_linktype(uint32_t linktype, int32_t *dlt, int32_t *max_snaplen);
int luapcap_linktype_fix(uint32_t linktype, int swapped, luapcap_packet *packet, uint8_t *data);

int luapcap_next(luapcap_t *p, luapcap_packet *packet);
int luapcap_match(const luapcap_bpf_program *program, const uint8_t *data, uint32_t caplen,
                  uint32_t wirelen);

luapcap_input *luapcap_input_open(const char *path, int fd, luapcap_file *file);
luapcap_input *luapcap_input_of_pieces(const void *start, size_t size);
int luapcap_input_add(luapcap_input *input, const void *bytes, size_t size);
void luapcap_input_close(luapcap_input *input);
int luapcap_input_fileno(const luapcap_input *input);
int luapcap_input_waits(const luapcap_input *input);
int luapcap_input_follow(luapcap_input *input);
const char *luapcap_input_error(const luapcap_input *input);
void luapcap_input_progress(const luapcap_input *input, double held, double *position,
  double *size);

luapcap_window *luapcap_window_new(void);
void luapcap_window_free(luapcap_window *window);
int luapcap_window_fill(luapcap_window *window, luapcap_input *input);
int luapcap_window_seek(luapcap_window *window, luapcap_input *input, double offset);
int luapcap_window_add(luapcap_window *window, const void *bytes, size_t size);
void luapcap_window_rest(luapcap_window *window);
luapcap_t *luapcap_window_open(luapcap_window *window, luapcap_input *input,
  unsigned int precision, char *errbuf);
int luapcap_window_next(luapcap_window *window, luapcap_t *p, luapcap_packet *packet);

double luapcap_monotonic(void);
void luapcap_signals_hold(luapcap_signals *signals);
void luapcap_signals_release(luapcap_signals *signals);
int luapcap_wait_fd(int fd, double timeout, luapcap_signals *signals);
int luapcap_wait_any(const luapcap_descriptors *descriptors, double timeout,
  luapcap_signals *signals);
int luapcap_wait(luapcap_t *p, double timeout, luapcap_signals *signals);
double luapcap_required_timeout(luapcap_t *p);

int32_t luapcap_turns_change(luapcap_turn *turns, int32_t count, double sec, double nsec);
void luapcap_turns_add(luapcap_turn *turns, int32_t count, double sec, double nsec,
  int32_t source);
void luapcap_turns_remove(luapcap_turn *turns, int32_t count);

int luapcap_file_moved(const char *path, int fd);
int luapcap_watch_open(const char *path, int fd);
int luapcap_watch_add(int watch, int fd, int hears_writes);
void luapcap_watch_drop(int watch, int number);
void luapcap_watch_clear(int watch);

luapcap_t *luapcap_create(const char *device, char *errbuf);
int luapcap_close_on_exec(luapcap_t *p);
void luapcap_count_on(luapcap_stat *stat, uint32_t received, uint32_t dropped,
  uint32_t if_dropped);
int luapcap_stats(luapcap_t *p, luapcap_stat *stat);
int luapcap_set_protocol(luapcap_t *p, int protocol);
void luapcap_discard(luapcap_t *p);
int luapcap_inject(luapcap_t *p, const void *data, size_t length);
int luapcap_inject_all(luapcap_t *p, const uint8_t *bytes, const uint32_t *lengths, int count);

const luapcap_if *luapcap_device_read(const luapcap_if *item, luapcap_device *device);
const luapcap_addr *luapcap_address_read(const luapcap_addr *item, luapcap_address *address);
int luapcap_net_text(uint32_t net, char *text, int size);
int luapcap_address_parse(const char *text, uint8_t *bytes);

int luapcap_file_date(int fd, double *numbers);
int luapcap_file_identity(int fd, char *text, size_t size);
int luapcap_file_open(const char *path, int fd, int append, int *is_new);

luapcap_dumper *luapcap_dumper_new(int fd);
double luapcap_dumper_to_end(luapcap_dumper *dumper);
int luapcap_dumper_cut(luapcap_dumper *dumper, double position);
double luapcap_dumper_tell(const luapcap_dumper *dumper);
int luapcap_dumper_fileno(const luapcap_dumper *dumper);
int luapcap_dumper_write(luapcap_dumper *dumper, const void *bytes, size_t size);
int luapcap_dumper_flush(luapcap_dumper *dumper);
int luapcap_dumper_close(luapcap_dumper *dumper);

int luapcap_savefile_header(int linktype, int snaplen, unsigned int precision,
  luapcap_file_header *header, char *errbuf);
int luapcap_savefile_takes(const char *path, int linktype, int snaplen, unsigned int precision,
  char *errbuf);
int luapcap_record_write(luapcap_dumper *dumper, const luapcap_packet *packet,
  double nsec_per_unit);

int luapcap_block_write(luapcap_dumper *dumper, const luapcap_packet *packet,
  const luapcap_block_interface *interface);
void luapcap_block_time(const luapcap_block_interface *interface, double sec, double nsec,
  uint32_t *time);

void luapcap_now(luapcap_packet *packet);
void luapcap_system(char *os, char *hardware, size_t size);
]]

-- Declaring a struct twice is an error. If this file is loaded again in one Lua state (busted's
-- insulation, package.loaded cleared), everything is declared already.
if not pcall(ffi.typeof, "luapcap_packet") then
  ffi.cdef(declarations)
  ffi.cdef(libpcap_cdefs.declarations)
end

return {
  --- The text itself, which `make abicheck` reads.
  declarations = declarations,

  -- Constants of pcap.h without their PCAP_; `make abicheck` reads these too.
  ERRBUF_SIZE = 256,
  TSTAMP_PRECISION_MICRO = 0,
  TSTAMP_PRECISION_NANO = 1,
  D_INOUT = 0,
  D_IN = 1,
  D_OUT = 2,
  IF_LOOPBACK = 1,
  IF_UP = 2,
  IF_RUNNING = 4,
  IF_WIRELESS = 8,
  IF_CONNECTION_STATUS = 48,
  WARNING = 1,
  ERROR = -1,
  ERROR_BREAK = -2,
  ERROR_PERM_DENIED = -8,
  ERROR_PROMISC_PERM_DENIED = -11,
}
