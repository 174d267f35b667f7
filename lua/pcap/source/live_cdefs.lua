--- The C declarations that live captures need: the kernel's ring, fanout, and waiting in nginx.

local ffi = require "ffi"
require "pcap.core.cdefs"

local live_cdefs = {}

--- For `make abicheck`.
live_cdefs.declarations = [[
typedef struct luapcap_judge luapcap_judge;

typedef struct luapcap_ring {
  uint8_t *blocks;
  uint8_t *taken_at;
  uint8_t *at;
  luapcap_judge *judge;
  int32_t *indexes;
  double size;
  double rest;
  double longest_stay;
  uint32_t run;
  uint32_t left;
  uint32_t index;
  uint32_t taken;
  uint32_t empty_at;
  uint32_t judged_until;
  uint32_t count;
  uint32_t block_size;
  uint32_t unit_size;
  uint32_t per_block;
  uint32_t snaplen;
  uint32_t time_unit;
  int32_t loopback;
  int32_t direction;
  int32_t has_frames;
  int32_t is_left;
  int32_t is_cooked;
  int32_t interface;
  uint32_t known;
  uint32_t latest;
  uint32_t tag_at;
  int32_t may_have_more;
} luapcap_ring;

int luapcap_live_next(luapcap_t *p, luapcap_ring *ring, luapcap_packet *packet);
int luapcap_live_next_within(luapcap_t *p, luapcap_ring *ring, luapcap_packet *packet, double rest,
  double timeout);
void luapcap_ring_take(luapcap_t *p, luapcap_ring *ring);
void luapcap_ring_set_direction(luapcap_ring *ring, int direction);
void luapcap_ring_release(luapcap_ring *ring);
void luapcap_ring_free(luapcap_ring *ring);
int luapcap_ring_resume(luapcap_ring *ring);
int luapcap_ring_leave(luapcap_ring *ring);
void luapcap_ring_read_open(luapcap_ring *ring);
int luapcap_interface_name(int index, char *name, size_t size);
int luapcap_ring_filter(luapcap_t *p, luapcap_ring *ring, const luapcap_bpf_program *program);
int luapcap_kernel_filter(luapcap_t *p);
int luapcap_accept_all(luapcap_t *p);

typedef struct luapcap_joining {
  uint32_t argument;
  int32_t block_ms;
  int32_t step;
  int32_t tries;
  int64_t surplus;
} luapcap_joining;

int luapcap_fanout_join(luapcap_t *p, luapcap_ring *ring, luapcap_joining *joining,
  luapcap_bpf_program *filter);

int luapcap_pair_listen(const char *folder, char *path, size_t size);
int luapcap_pair_accept(int listener, char *path);
void luapcap_pair_close(int fd);
int luapcap_pair_is_open(int fd);
int luapcap_waiter_start(int fd, int pair);
int luapcap_take(luapcap_t *p);

typedef struct luapcap_errand luapcap_errand;

luapcap_errand *luapcap_errand_activate(luapcap_t *p, int pair);
int luapcap_errand_take(luapcap_errand *errand);
void luapcap_errand_leave(luapcap_errand *errand);
void luapcap_close_aside(luapcap_t *p);
]]

if not pcall(ffi.typeof, "luapcap_ring") then
  ffi.cdef(live_cdefs.declarations)
end

return live_cdefs
