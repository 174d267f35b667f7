/* Files being written, with every write checked, which pcap_dump() does not do. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "luapcap.h"
#include "target.h"

#ifdef HAVE_FWRITE_UNLOCKED
#define WRITE fwrite_unlocked
#else
#define WRITE fwrite
#endif

/* Large enough that a copy's system calls do not count. By itself stdio takes 4096. */
#define STREAM_BUFFER_SIZE 65536

struct luapcap_dumper {
    FILE *stream; /* writes to the target, and closes it */
    luapcap_target target;
    int is_file;     /* a regular file, not a pipe, a device or memory */
    double position; /* where in the file the next byte goes */
    size_t short_of; /* how many bytes the file is short of a whole number of buffers, or 0 */
    int error;       /* errno of the first write that failed, or of the close; or 0 */
    char buffer[STREAM_BUFFER_SIZE];
};

/*
 * Writes all bytes. After a failed write nothing more is written, because a part of the file is
 * missing there.
 */
static luapcap_cookie_count write_whole(void *cookie, const char *bytes, luapcap_cookie_size size) {
    luapcap_dumper *dumper = cookie;
    if (dumper->error == 0)
        dumper->error = luapcap_target_write(&dumper->target, bytes, (size_t)size);
#ifdef HAVE_LINUX
    return dumper->error == 0 ? (luapcap_cookie_count)size : 0;
#else
    return dumper->error == 0 ? size : -1;
#endif
}

static int close_target(void *cookie) {
    luapcap_dumper *dumper = cookie;
    int status = luapcap_target_close(&dumper->target);
    if (status != 0 && dumper->error == 0)
        dumper->error = errno;
    return status;
}

/* 0, or -1 with the errno of the first failure. */
static int outcome(const luapcap_dumper *dumper) {
    errno = dumper->error;
    return dumper->error == 0 ? 0 : -1;
}

/*
 * Makes a dumper that writes to `fd` from its position on, or into memory if `fd` is -1. It takes
 * `fd` over, even if it fails. Returns the dumper, which the caller frees with
 * luapcap_dumper_close(); or NULL with errno.
 */
luapcap_dumper *luapcap_dumper_new(int fd) {
    luapcap_dumper *dumper = malloc(sizeof *dumper);
    FILE *stream = NULL;
    if (dumper != NULL) {
        struct stat status;
        memset(dumper, 0, offsetof(luapcap_dumper, buffer));
        dumper->target.fd = fd;
        dumper->is_file = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
        if (dumper->is_file)
            dumper->position = (double)lseek(fd, 0, SEEK_CUR);
        stream = luapcap_cookie(dumper, NULL, write_whole, NULL, close_target);
    }
    if (stream == NULL) {
        int reason = errno;
        free(dumper);
        if (fd >= 0)
            close(fd);
        errno = reason;
        return NULL;
    }
    dumper->stream = stream;
    setvbuf(stream, dumper->buffer, _IOFBF, STREAM_BUFFER_SIZE);
    return dumper;
}

/*
 * Packs with a compression, by its name, what is written from here on; `level` is its library's.
 * Nothing was written before. Returns 0, or -1 with a message in `errbuf`, of PCAP_ERRBUF_SIZE, and
 * errno.
 */
int luapcap_dumper_pack(luapcap_dumper *dumper, const char *name, int level, char *errbuf) {
    const luapcap_packer *packer =
        strcmp(name, "zstd") == 0 ? &luapcap_zstd_packer : &luapcap_gzip_packer;
    luapcap_target *target = &dumper->target;
    target->packing = packer->open(level, errbuf, PCAP_ERRBUF_SIZE);
    if (target->packing == NULL)
        return -1;
    target->packer = packer;
    return 0;
}

/* Whether bytes are counted. A pipe or a device has no positions. */
static int has_positions(const luapcap_dumper *dumper) {
    return dumper->is_file || dumper->target.fd < 0;
}

/* Moves to the file's end, and returns the file's size in bytes. 0 for a pipe or a device. */
double luapcap_dumper_to_end(luapcap_dumper *dumper) {
    if (dumper->is_file)
        dumper->position = (double)lseek(dumper->target.fd, 0, SEEK_END);
    return dumper->position;
}

/*
 * Cuts the file off at a position, and goes on there. The caller has flushed everything before, so
 * that nothing is left in the buffer. Returns 0; or -1 with errno, as for a pipe, and then nothing
 * has changed.
 */
int luapcap_dumper_cut(luapcap_dumper *dumper, double position) {
    if (outcome(dumper) != 0)
        return -1;
    if (!dumper->is_file) {
        errno = ESPIPE;
        return -1;
    }
    if (ftruncate(dumper->target.fd, (off_t)position) != 0 ||
        lseek(dumper->target.fd, (off_t)position, SEEK_SET) < 0)
        return -1;
    dumper->position = position;
    return 0;
}

/*
 * Writes bytes to the stream. After a flush, the next bytes are flushed as soon as the file has a
 * whole number of buffers. From there on stdio itself writes whole buffers. A write that starts or
 * ends within a page takes the system longer: 14 ns for a packet of 100 bytes.
 */
static int put(luapcap_dumper *dumper, const void *bytes, size_t size) {
    size_t before = dumper->short_of;
    if (before > size) {
        dumper->short_of -= size;
    } else if (before > 0) {
        dumper->short_of = 0;
        if (WRITE(bytes, 1, before, dumper->stream) != before || fflush(dumper->stream) != 0)
            return 0;
        bytes = (const char *)bytes + before;
        size -= before;
    }
    return WRITE(bytes, 1, size, dumper->stream) == size;
}

/*
 * Writes bytes. It does not take stdio's lock, because a dumper has one owner. Returns 0; or -1
 * with errno if this write or an earlier one failed. After that nothing more is written.
 */
int luapcap_dumper_write(luapcap_dumper *dumper, const void *bytes, size_t size) {
    if (dumper->error == 0) {
        dumper->position += (double)size;
        if (!put(dumper, bytes, size) && dumper->error == 0)
            dumper->error = EIO;
    }
    return outcome(dumper);
}

/* Hands everything written so far to the target. Returns 0, or -1 with errno if this write or an
 * earlier one failed. */
static int hand_on(luapcap_dumper *dumper) {
    if (fflush(dumper->stream) != 0 && dumper->error == 0)
        dumper->error = EIO;
    return outcome(dumper);
}

/* Hands everything written so far to the system. Returns 0, or -1 with errno if this or any earlier
 * write failed. */
int luapcap_dumper_flush(luapcap_dumper *dumper) {
    if (hand_on(dumper) == 0)
        dumper->error = luapcap_target_flush(&dumper->target);
    if (dumper->is_file)
        dumper->short_of =
            (size_t)(STREAM_BUFFER_SIZE - (int64_t)dumper->position % STREAM_BUFFER_SIZE);
    return outcome(dumper);
}

/* Lets all writes fail from here on, because a part of the file is missing. */
void luapcap_dumper_break(luapcap_dumper *dumper, int error) {
    if (dumper->error == 0)
        dumper->error = error;
}

/* Hands everything on, and the end of what is packed, and waits for the thread. Nothing is written
 * after it. Returns as luapcap_dumper_flush(). */
int luapcap_dumper_finish(luapcap_dumper *dumper) {
    hand_on(dumper);
    int problem = luapcap_target_end(&dumper->target);
    luapcap_dumper_break(dumper, problem);
    return outcome(dumper);
}

/* Lets a thread write from here on. Returns 0, or -1 with errno if there can be none. */
int luapcap_dumper_start_thread(luapcap_dumper *dumper) {
    return luapcap_target_start(&dumper->target);
}

/* How many bytes wait for the thread. */
double luapcap_dumper_waiting(const luapcap_dumper *dumper) {
    return (double)luapcap_queue_waiting(dumper->target.queue);
}

/* How many bytes have reached the memory that the dumper writes to. */
double luapcap_dumper_held(const luapcap_dumper *dumper) {
    return (double)dumper->target.held;
}

/* The bytes in memory. They are the dumper's, and valid until it writes or releases. */
const uint8_t *luapcap_dumper_bytes(const luapcap_dumper *dumper) {
    return dumper->target.bytes;
}

/* Forgets the first `count` bytes in memory. If that is all of them, memory beyond `keep` bytes is
 * given back. */
void luapcap_dumper_release(luapcap_dumper *dumper, size_t count, size_t keep) {
    luapcap_target *target = &dumper->target;
    target->held -= count;
    if (target->held > 0) {
        memmove(target->bytes, target->bytes + count, target->held);
    } else if (target->room > keep) {
        free(target->bytes);
        target->bytes = NULL;
        target->room = 0;
    }
}

/*
 * Flushes, closes and frees the dumper. The dumper is freed even if this fails. Returns 0, or -1
 * with the errno of the first failure, which may be that of the close.
 */
int luapcap_dumper_close(luapcap_dumper *dumper) {
    luapcap_dumper_finish(dumper);
    if (fclose(dumper->stream) != 0 && dumper->error == 0)
        dumper->error = EIO;
    int reason = dumper->error;
    free(dumper);
    errno = reason;
    return reason == 0 ? 0 : -1;
}

/* Returns where in the file the next byte goes. Bytes that are still in the buffer count. -1 with
 * errno if there are no positions, as in a pipe, and after a failed write. */
double luapcap_dumper_tell(const luapcap_dumper *dumper) {
    if (outcome(dumper) != 0)
        return -1;
    if (!has_positions(dumper)) {
        errno = ESPIPE;
        return -1;
    }
    return dumper->position;
}

/* Returns the dumper's own descriptor, or -1 if it writes into memory. */
int luapcap_dumper_fileno(const luapcap_dumper *dumper) {
    return dumper->target.fd;
}
