/* Packs gzip while a savefile is being written. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gzip.h"

#ifdef HAVE_ZLIB_H
#include <dlfcn.h>
#include <zlib.h>

/* 15: the largest window; 16: the format is gzip's, with its checksum. 8: zlib's default memory. */
#define GZIP_WINDOW (15 + 16)
#define MEMORY 8

struct luapcap_packer {
    z_stream stream;
    int (*deflate)(z_stream *, int);
    int (*deflateEnd)(z_stream *);
    uint8_t packed[65536];
};

/*
 * Prepares to pack. `level` is zlib's, from 1 (fast) to 9 (small). Returns what
 * luapcap_packer_close() frees, or NULL with the reason in `error` and errno.
 */
luapcap_packer *luapcap_packer_open(int level, char *error, size_t size) {
    int (*init)(z_stream *, int, int, int, int, int, const char *, int);
    int reason;
    luapcap_packer *packer = calloc(1, sizeof *packer);
    if (packer == NULL) {
        snprintf(error, size, "not enough memory to pack gzip");
        return NULL;
    }
    void *library = luapcap_zlib_load(&reason);
    if (library == NULL) {
        snprintf(error, size, "zlib, which packs gzip, %s%s",
                 reason != 0 ? "cannot be loaded: " : "is not installed",
                 reason != 0 ? strerror(reason) : "");
        free(packer);
        errno = reason;
        return NULL;
    }
    /* Zlib compares version and size with its own, and refuses what it does not understand. */
    if (luapcap_zlib_find(library, "deflateInit2_", &init) &&
        luapcap_zlib_find(library, "deflate", &packer->deflate) &&
        luapcap_zlib_find(library, "deflateEnd", &packer->deflateEnd) &&
        init(&packer->stream, level, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY,
             ZLIB_VERSION, (int)sizeof packer->stream) == Z_OK)
        return packer;
    snprintf(error, size, "the zlib that is installed cannot be used to pack gzip");
    dlclose(library);
    free(packer);
    errno = 0;
    return NULL;
}

/*
 * Packs bytes, and gives what comes out to put(cookie, ...). After PACK_FLUSH, a reader of what
 * came out has everything that went in. PACK_END writes the end. `size` is below 4 GB. Returns 0,
 * or an errno, of put() or EIO.
 */
int luapcap_packer_put(luapcap_packer *packer, const void *bytes, size_t size, int what,
                       luapcap_put *put, void *cookie) {
    static const int flushes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    z_stream *z = &packer->stream;
    z->next_in = (Bytef *)(uintptr_t)bytes;
    z->avail_in = (uInt)size;
    do {
        z->next_out = packer->packed;
        z->avail_out = sizeof packer->packed;
        int status = packer->deflate(z, flushes[what]);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return EIO;
        size_t made = sizeof packer->packed - z->avail_out;
        int problem = made > 0 ? put(cookie, packer->packed, made) : 0;
        if (problem != 0)
            return problem;
    } while (z->avail_out == 0);
    return 0;
}

/* Frees all but the library, as luapcap_gzip_close() does. NULL is no packer. */
void luapcap_packer_close(luapcap_packer *packer) {
    if (packer == NULL)
        return;
    packer->deflateEnd(&packer->stream);
    free(packer);
}

#else /* built without zlib.h */

luapcap_packer *luapcap_packer_open(int level, char *error, size_t size) {
    (void)level;
    snprintf(error, size, "this library was built without zlib, which packs gzip");
    errno = 0;
    return NULL;
}

int luapcap_packer_put(luapcap_packer *packer, const void *bytes, size_t size, int what,
                       luapcap_put *put, void *cookie) {
    (void)packer, (void)bytes, (void)size, (void)what, (void)put, (void)cookie;
    return EIO;
}

void luapcap_packer_close(luapcap_packer *packer) {
    (void)packer;
}
#endif
