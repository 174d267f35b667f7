/* Unpacks zstd. It looks for libzstd only when there is a file that is packed with it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compression.h"
#include "zstd_library.h"

/* The largest window of a frame is 2^27 bytes, 128 MB, as for zstd(1). So a frame cannot make us
 * take more memory than that. */
#define WINDOW_LOG 27
/* How many bytes the library wants first, to see what a frame's header has. */
#define START_SIZE 5
#define BLOCK_HEADER 3

typedef struct unpacking {
    void *stream;
    const char *problem; /* the library's, or NULL */
    size_t wanted;       /* how many bytes the library wants next */
    int is_between;      /* frames */
    size_t (*unpack)(void *, zstd_out *, zstd_in *);
    unsigned int (*is_error)(size_t);
    const char *(*error_name)(size_t);
    size_t (*free)(void *);
} unpacking;

static int find_all(unpacking *it, void *library, void *create, void *set) {
    return luapcap_library_find(library, "ZSTD_createDCtx", create) &&
           luapcap_library_find(library, "ZSTD_DCtx_setParameter", set) &&
           luapcap_library_find(library, "ZSTD_decompressStream", &it->unpack) &&
           luapcap_library_find(library, "ZSTD_isError", &it->is_error) &&
           luapcap_library_find(library, "ZSTD_getErrorName", &it->error_name) &&
           luapcap_library_find(library, "ZSTD_freeDCtx", &it->free);
}

static void *open_zstd(char *error, size_t size) {
    void *(*create)(void);
    size_t (*set)(void *, int, int);
    unpacking *it = calloc(1, sizeof *it);
    if (it == NULL) {
        snprintf(error, size, "not enough memory to unpack zstd");
        return NULL;
    }
    void *library = luapcap_library_load(
        &libzstd, "compressed with zstd, and libzstd, which unpacks it,", error, size);
    if (library == NULL) {
        free(it);
        return NULL;
    }
    it->wanted = START_SIZE;
    it->is_between = 1;
    if (find_all(it, library, &create, &set)) {
        it->stream = create();
        if (it->stream != NULL && !it->is_error(set(it->stream, ZSTD_WINDOW_LOG_MAX, WINDOW_LOG)))
            return it;
        it->free(it->stream); /* takes NULL, too */
    }
    snprintf(error, size, "compressed with zstd, and the libzstd that is installed cannot be used");
    free(it);
    errno = 0;
    return NULL;
}

/* Whether a frame begins with this byte: one of packets, or one to skip. The library would also
 * take what zstd wrote before its first release. */
static int begins_frame(uint8_t byte) {
    return byte == 0x28 || (byte & 0xf0) == 0x50;
}

/*
 * One step takes no more than a block. The reason: if there is an error in what the library takes,
 * it gives nothing of that. What it wants may have the next block's header at its end.
 */
static int step(unpacking *it, luapcap_span *in, luapcap_span *out) {
    size_t most = it->wanted > BLOCK_HEADER ? it->wanted - BLOCK_HEADER : it->wanted;
    zstd_in source = {in->bytes, in->size < most ? in->size : most, 0};
    zstd_out target = {out->bytes, out->size, 0};
    if (it->is_between && in->size > 0 && !begins_frame(in->bytes[0])) {
        it->problem = "Unknown frame descriptor"; /* as the library says it */
        return UNPACK_ERROR;
    }
    size_t status = it->unpack(it->stream, &target, &source);
    if (it->is_error(status)) {
        it->problem = it->error_name(status);
        return UNPACK_ERROR;
    }
    in->bytes += source.at;
    in->size -= source.at;
    out->bytes += target.at;
    out->size -= target.at;
    it->is_between = status == 0;
    it->wanted = status > 0 ? status : START_SIZE;
    return status == 0 ? UNPACK_END : UNPACK_MORE;
}

static int unpack(void *state, luapcap_span *in, luapcap_span *out) {
    unpacking *it = state;
    int status = it->problem == NULL ? UNPACK_MORE : UNPACK_ERROR;
    size_t room = out->size;
    do
        status = status == UNPACK_MORE ? step(it, in, out) : status;
    while (status == UNPACK_MORE && in->size > 0 && out->size == room);
    return status;
}

static const char *message(const void *state) {
    return ((const unpacking *)state)->problem;
}

static void close_zstd(void *state) {
    unpacking *it = state;
    it->free(it->stream);
    free(it);
}

const luapcap_unpacker luapcap_zstd = {"zstd", -1, open_zstd, unpack, message, close_zstd};
