/*
 * What zstd.c and zstd_pack.c need of libzstd. They need no header of it: what stands here has been
 * the same in every libzstd since 1.4.0, where these functions became stable.
 */
#ifndef LUAPCAP_ZSTD_LIBRARY_H
#define LUAPCAP_ZSTD_LIBRARY_H

#include <stddef.h>
#include "library.h"

typedef struct zstd_in {
    const void *bytes;
    size_t size;
    size_t at;
} zstd_in;

typedef struct zstd_out {
    void *bytes;
    size_t size;
    size_t at;
} zstd_out;

enum { ZSTD_CONTINUE, ZSTD_FLUSH, ZSTD_END };
enum { ZSTD_LEVEL = 100, ZSTD_CHECKSUM = 201, ZSTD_WINDOW_LOG_MAX = 100 };
enum { ZSTD_NO_MEMORY = 64 };

static const luapcap_library libzstd = {
    "libzstd1", {"libzstd.so.1", "libzstd.so", "libzstd.1.dylib", "libzstd.dylib"}};

#endif
