/* Packs zstd while a savefile is being written. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compression.h"
#include "zstd_library.h"

typedef struct packing {
    void *stream;
    size_t (*pack)(void *, zstd_out *, zstd_in *, int);
    unsigned int (*is_error)(size_t);
    int (*error_code)(size_t);
    size_t (*free)(void *);
    char packed[65536];
} packing;

static int find_all(packing *it, void *library, void *create, void *set) {
    return luapcap_library_find(library, "ZSTD_createCCtx", create) &&
           luapcap_library_find(library, "ZSTD_CCtx_setParameter", set) &&
           luapcap_library_find(library, "ZSTD_compressStream2", &it->pack) &&
           luapcap_library_find(library, "ZSTD_isError", &it->is_error) &&
           luapcap_library_find(library, "ZSTD_getErrorCode", &it->error_code) &&
           luapcap_library_find(library, "ZSTD_freeCCtx", &it->free);
}

static void *open_zstd(int level, char *error, size_t size) {
    void *(*create)(void);
    size_t (*set)(void *, int, int);
    packing *it = calloc(1, sizeof *it);
    if (it == NULL) {
        snprintf(error, size, "not enough memory to pack zstd");
        return NULL;
    }
    void *library = luapcap_library_load(&libzstd, "libzstd, which packs zstd,", error, size);
    if (library == NULL) {
        free(it);
        return NULL;
    }
    if (find_all(it, library, &create, &set)) {
        it->stream = create();
        if (it->stream != NULL && !it->is_error(set(it->stream, ZSTD_LEVEL, level)) &&
            !it->is_error(set(it->stream, ZSTD_CHECKSUM, 1)))
            return it;
        it->free(it->stream); /* takes NULL, too */
    }
    snprintf(error, size, "the libzstd that is installed cannot be used to pack zstd");
    free(it);
    errno = 0;
    return NULL;
}

static int pack(void *state, const void *bytes, size_t size, int what, luapcap_put *put,
                void *cookie) {
    static const int directives[] = {ZSTD_CONTINUE, ZSTD_FLUSH, ZSTD_END};
    packing *it = state;
    zstd_in source = {bytes, size, 0};
    size_t left;
    do {
        zstd_out target = {it->packed, sizeof it->packed, 0};
        left = it->pack(it->stream, &target, &source, directives[what]);
        if (it->is_error(left))
            return it->error_code(left) == ZSTD_NO_MEMORY ? ENOMEM : EIO;
        int problem = target.at > 0 ? put(cookie, it->packed, target.at) : 0;
        if (problem != 0)
            return problem;
    } while (what == PACK_MORE ? source.at < source.size : left > 0);
    return 0;
}

static void close_zstd(void *state) {
    packing *it = state;
    it->free(it->stream);
    free(it);
}

const luapcap_packer luapcap_zstd_packer = {"zstd", open_zstd, pack, close_zstd};
