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

static int pack(luapcap_target *target, const void *bytes, size_t size, int what) {
    return luapcap_packer_put(target->packer, bytes, size, what, put, target);
}

/* Takes bytes. This and the next two return 0, or an errno. */
int luapcap_target_write(luapcap_target *target, const void *bytes, size_t size) {
    return target->packer != NULL ? pack(target, bytes, size, PACK_MORE) : put(target, bytes, size);
}

/* Lets a reader have everything that was written so far. */
int luapcap_target_flush(luapcap_target *target) {
    return target->packer != NULL ? pack(target, "", 0, PACK_FLUSH) : 0;
}

/* Writes the end of what is packed. Nothing is written after it. */
int luapcap_target_end(luapcap_target *target) {
    int problem = target->packer != NULL ? pack(target, "", 0, PACK_END) : 0;
    luapcap_packer_close(target->packer);
    target->packer = NULL;
    return problem;
}

/* Closes the descriptor and frees what is held. Returns 0, or -1 with errno. */
int luapcap_target_close(luapcap_target *target) {
    luapcap_packer_close(target->packer);
    free(target->bytes);
    return target->fd >= 0 ? close(target->fd) : 0;
}
