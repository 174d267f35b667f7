/* Packs gzip while a savefile is being written. */
#include <errno.h>
#include <stdio.h>
#include "compression.h"
#include "zlib_library.h"

#ifdef HAVE_ZLIB_H
#include <stdlib.h>
#include <string.h>

/* Zlib's default. */
#define MEMORY 8

typedef struct packing {
    z_stream stream;
    int (*deflate)(z_stream *, int);
    int (*deflateEnd)(z_stream *);
    uint8_t packed[65536];
} packing;

static void *open_gzip(int level, char *error, size_t size) {
    int (*init)(z_stream *, int, int, int, int, int, const char *, int);
    packing *it = calloc(1, sizeof *it);
    if (it == NULL) {
        snprintf(error, size, "not enough memory to pack gzip");
        return NULL;
    }
    void *library = luapcap_library_load(&zlib, "zlib, which packs gzip,", error, size);
    if (library == NULL) {
        free(it);
        return NULL;
    }
    /* Zlib compares version and size with its own, and refuses what it does not understand. */
    if (luapcap_library_find(library, "deflateInit2_", &init) &&
        luapcap_library_find(library, "deflate", &it->deflate) &&
        luapcap_library_find(library, "deflateEnd", &it->deflateEnd) &&
        init(&it->stream, level, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
             (int)sizeof it->stream) == Z_OK)
        return it;
    snprintf(error, size, "the zlib that is installed cannot be used to pack gzip");
    free(it);
    errno = 0;
    return NULL;
}

static int pack(void *state, const void *bytes, size_t size, int what, luapcap_put *put,
                void *cookie) {
    static const int flushes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    packing *it = state;
    z_stream *z = &it->stream;
    z->next_in = (Bytef *)(uintptr_t)bytes;
    z->avail_in = (uInt)size;
    do {
        z->next_out = it->packed;
        z->avail_out = sizeof it->packed;
        int status = it->deflate(z, flushes[what]);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return EIO;
        size_t made = sizeof it->packed - z->avail_out;
        int problem = made > 0 ? put(cookie, it->packed, made) : 0;
        if (problem != 0)
            return problem;
    } while (z->avail_out == 0);
    return 0;
}

static void close_gzip(void *state) {
    packing *it = state;
    it->deflateEnd(&it->stream);
    free(it);
}

const luapcap_packer luapcap_gzip_packer = {"gzip", open_gzip, pack, close_gzip};

#else /* built without zlib.h */

static void *open_gzip(int level, char *error, size_t size) {
    (void)level;
    snprintf(error, size, "this library was built without zlib, which packs gzip");
    errno = 0;
    return NULL;
}

const luapcap_packer luapcap_gzip_packer = {"gzip", open_gzip, NULL, NULL};
#endif
