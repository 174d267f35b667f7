/* Where a dumper's bytes go: to a descriptor, or into memory that grows. A compression may stand
 * before. A thread may do the work. */
#ifndef LUAPCAP_TARGET_H
#define LUAPCAP_TARGET_H

#include "compression.h"
#include "queue.h"

typedef struct luapcap_target {
    int fd;         /* or -1: into memory */
    uint8_t *bytes; /* in memory: `held` of them, with room for `room` */
    size_t held;
    size_t room;
    const luapcap_packer *packer; /* or NULL; `packing` is the thread's while there is one */
    void *packing;
    luapcap_queue *queue; /* the thread's, or NULL */
} luapcap_target;

int luapcap_target_start(luapcap_target *target);
int luapcap_target_write(luapcap_target *target, const void *bytes, size_t size);
int luapcap_target_flush(luapcap_target *target);
int luapcap_target_end(luapcap_target *target);
int luapcap_target_close(luapcap_target *target);

#endif
