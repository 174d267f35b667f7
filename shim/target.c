/* Writes a dumper's bytes to where they go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "target.h"

/* Writes all bytes. It goes on after a signal. */
static int write_all(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            return n == 0 ? EIO : errno;
        }
    }
    return 0;
}

static int hold(luapcap_target *target, const void *bytes, size_t size) {
    if (target->room - target->held < size) {
        size_t room = target->room > 0 ? target->room : 65536;
        while (room - target->held < size)
            room *= 2;
        uint8_t *moved = realloc(target->bytes, room);
        if (moved == NULL)
            return ENOMEM;
        target->bytes = moved;
        target->room = room;
    }
    memcpy(target->bytes + target->held, bytes, size);
    target->held += size;
    return 0;
}

static int put(void *cookie, const void *bytes, size_t size) {
    luapcap_target *target = cookie;
    return target->fd >= 0 ? write_all(target->fd, bytes, size) : hold(target, bytes, size);
}

/* Does the work, in the thread if there is one. Returns 0, or an errno. */
static int work(void *cookie, const void *bytes, size_t size, int what) {
    luapcap_target *target = cookie;
    if (target->packer != NULL)
        return target->packer->pack(target->packing, bytes, size, what, put, target);
    return size > 0 ? put(target, bytes, size) : 0;
}

static void free_packer(luapcap_target *target) {
    if (target->packer != NULL)
        target->packer->close(target->packing);
    target->packer = NULL;
}

static int do_or_queue(luapcap_target *target, const void *bytes, size_t size, int what) {
    return target->queue != NULL ? luapcap_queue_put(target->queue, bytes, size, what)
                                 : work(target, bytes, size, what);
}

/* Lets a thread do the work from here on. The target stays where it is in memory. Returns 0, or -1
 * with errno. */
int luapcap_target_start(luapcap_target *target) {
    target->queue = luapcap_queue_start(work, target);
    return target->queue != NULL ? 0 : -1;
}

/* Takes bytes. This and the next two return 0, or an errno: with a thread, that of an earlier
 * write. */
int luapcap_target_write(luapcap_target *target, const void *bytes, size_t size) {
    return do_or_queue(target, bytes, size, PACK_MORE);
}

/* Lets a reader have everything that was written so far, as soon as the thread comes to it. */
int luapcap_target_flush(luapcap_target *target) {
    return do_or_queue(target, "", 0, PACK_FLUSH);
}

/* Writes the end of what is packed, and waits for the thread. Nothing is written after it. */
int luapcap_target_end(luapcap_target *target) {
    int problem = do_or_queue(target, "", 0, PACK_END);
    if (target->queue != NULL) {
        int earlier = luapcap_queue_end(target->queue);
        problem = earlier != 0 ? earlier : problem;
    }
    free_packer(target);
    target->queue = NULL;
    return problem;
}

/* Closes the descriptor and frees what is held. Returns 0, or -1 with errno. */
int luapcap_target_close(luapcap_target *target) {
    free_packer(target);
    free(target->bytes);
    return target->fd >= 0 ? close(target->fd) : 0;
}
