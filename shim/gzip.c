/*
 * Unpacks gzip. It looks for zlib only when there is a compressed file. Who reads no such file
 * needs no zlib, neither to run nor to build.
 */
#include <stdio.h>
#include "compression.h"
#include "zlib_library.h"

#ifdef HAVE_ZLIB_H
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct unpacking {
    z_stream stream;
    int (*inflate)(z_stream *, int);
    int (*inflateReset)(z_stream *);
    int (*inflateEnd)(z_stream *);
} unpacking;

static void *open_gzip(char *error, size_t size) {
    int (*init)(z_stream *, int, const char *, int);
    unpacking *it = calloc(1, sizeof *it);
    if (it == NULL) {
        snprintf(error, size, "not enough memory to unpack gzip");
        return NULL;
    }
    void *library = luapcap_library_load(&zlib, "compressed with gzip, and zlib, which unpacks it,",
                                         error, size);
    if (library == NULL) {
        free(it);
        return NULL;
    }
    /* Zlib compares version and size with its own, and refuses what it does not understand. */
    if (luapcap_library_find(library, "inflateInit2_", &init) &&
        luapcap_library_find(library, "inflate", &it->inflate) &&
        luapcap_library_find(library, "inflateReset", &it->inflateReset) &&
        luapcap_library_find(library, "inflateEnd", &it->inflateEnd) &&
        init(&it->stream, GZIP_WINDOW, ZLIB_VERSION, (int)sizeof it->stream) == Z_OK)
        return it;
    snprintf(error, size, "compressed with gzip, and the zlib that is installed cannot be used");
    free(it);
    errno = 0;
    return NULL;
}

static int unpack(void *state, luapcap_span *in, luapcap_span *out) {
    unpacking *it = state;
    z_stream *z = &it->stream;
    uInt given = in->size < UINT_MAX ? (uInt)in->size : UINT_MAX;
    uInt room = out->size < UINT_MAX ? (uInt)out->size : UINT_MAX;
    z->next_in = in->bytes;
    z->avail_in = given;
    z->next_out = out->bytes;
    z->avail_out = room;
    int status = it->inflate(z, Z_NO_FLUSH);
    in->bytes += given - z->avail_in;
    in->size -= given - z->avail_in;
    out->bytes += room - z->avail_out;
    out->size -= room - z->avail_out;
    if (status == Z_STREAM_END) {
        it->inflateReset(z);
        return UNPACK_END;
    }
    return status == Z_OK || status == Z_BUF_ERROR ? UNPACK_MORE : UNPACK_ERROR;
}

static const char *message(const void *state) {
    const char *text = ((const unpacking *)state)->stream.msg;
    return text != NULL ? text : "zlib failed";
}

static void close_gzip(void *state) {
    unpacking *it = state;
    it->inflateEnd(&it->stream);
    free(it);
}

const luapcap_unpacker luapcap_gzip = {"gzip", 0x1f, open_gzip, unpack, message, close_gzip};

#else /* built without zlib.h */

static void *open_gzip(char *error, size_t size) {
    snprintf(error, size, "compressed with gzip, and this library was built without zlib");
    return NULL;
}

const luapcap_unpacker luapcap_gzip = {"gzip", 0x1f, open_gzip, NULL, NULL, NULL};
#endif
