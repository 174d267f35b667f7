/* Work that a thread does in order: between target.c and a slow disk. */
#ifndef LUAPCAP_QUEUE_H
#define LUAPCAP_QUEUE_H

#include <stddef.h>

typedef struct luapcap_queue luapcap_queue;
typedef int luapcap_work(void *cookie, const void *bytes, size_t size, int what);

luapcap_queue *luapcap_queue_start(luapcap_work *work, void *cookie);
int luapcap_queue_put(luapcap_queue *queue, const void *bytes, size_t size, int what);
size_t luapcap_queue_waiting(const luapcap_queue *queue);
int luapcap_queue_end(luapcap_queue *queue);

#endif
