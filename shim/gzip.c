/*
 * Unpacks gzip. It looks for zlib only when there is a compressed file. Who reads no such file
 * needs no zlib, neither to run nor to build.
 */
#include <stdio.h>
#include <stdlib.h>
#include "gzip.h"

#ifdef HAVE_ZLIB_H
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>

/* 15: the largest window; 16: the format is gzip's, and its checksum is checked. */
#define GZIP_WINDOW (15 + 16)

struct luapcap_gzip {
    z_stream stream;
    void *library;
    int (*inflate)(z_stream *, int);
    int (*inflateReset)(z_stream *);
    int (*inflateEnd)(z_stream *);
};

/*
 * Prepares to unpack a stream. Returns what luapcap_gzip_close() frees, or NULL with the reason in
 * `error` and errno.
 */
luapcap_gzip *luapcap_gzip_open(char *error, size_t size) {
    int (*init)(z_stream *, int, const char *, int);
    luapcap_gzip *gzip = calloc(1, sizeof *gzip);
    if (gzip == NULL) {
        snprintf(error, size, "not enough memory to unpack gzip");
        return NULL;
    }
    int reason;
    gzip->library = luapcap_zlib_load(&reason);
    if (gzip->library == NULL) {
        if (reason != 0)
            snprintf(error, size,
                     "compressed with gzip, and zlib, which unpacks it, cannot be loaded: %s",
                     strerror(reason));
        else
            snprintf(error, size,
                     "compressed with gzip, and zlib, which unpacks it, is not installed");
        free(gzip);
        errno = reason;
        return NULL;
    }
    /* Zlib compares version and size with its own, and refuses what it does not understand. */
    if (luapcap_zlib_find(gzip->library, "inflateInit2_", &init) &&
        luapcap_zlib_find(gzip->library, "inflate", &gzip->inflate) &&
        luapcap_zlib_find(gzip->library, "inflateReset", &gzip->inflateReset) &&
        luapcap_zlib_find(gzip->library, "inflateEnd", &gzip->inflateEnd) &&
        init(&gzip->stream, GZIP_WINDOW, ZLIB_VERSION, (int)sizeof gzip->stream) == Z_OK)
        return gzip;
    snprintf(error, size, "compressed with gzip, and the zlib that is installed cannot be used");
    dlclose(gzip->library);
    free(gzip);
    return NULL;
}

/*
 * Unpacks from `in` to `out`, and moves both on. Returns GZIP_END at the end of a member: the next
 * call begins another. Returns GZIP_MORE when it needs more of either. Returns GZIP_ERROR with
 * luapcap_gzip_message(), then and whenever it is called after that.
 */
int luapcap_gzip_unpack(luapcap_gzip *gzip, luapcap_span *in, luapcap_span *out) {
    z_stream *z = &gzip->stream;
    uInt given = in->size < UINT_MAX ? (uInt)in->size : UINT_MAX;
    uInt room = out->size < UINT_MAX ? (uInt)out->size : UINT_MAX;
    z->next_in = in->bytes;
    z->avail_in = given;
    z->next_out = out->bytes;
    z->avail_out = room;
    int status = gzip->inflate(z, Z_NO_FLUSH);
    in->bytes += given - z->avail_in;
    in->size -= given - z->avail_in;
    out->bytes += room - z->avail_out;
    out->size -= room - z->avail_out;
    if (status == Z_STREAM_END) {
        gzip->inflateReset(z);
        return GZIP_END;
    }
    return status == Z_OK || status == Z_BUF_ERROR ? GZIP_MORE : GZIP_ERROR;
}

/* What zlib says of an error. The string lives as long as `gzip`. */
const char *luapcap_gzip_message(const luapcap_gzip *gzip) {
    return gzip->stream.msg != NULL ? gzip->stream.msg : "zlib failed";
}

/* Frees all but the library, which stays open: another capture may use it, or want it again. */
void luapcap_gzip_close(luapcap_gzip *gzip) {
    if (gzip == NULL)
        return;
    gzip->inflateEnd(&gzip->stream);
    free(gzip);
}

#else /* built without zlib.h */

luapcap_gzip *luapcap_gzip_open(char *error, size_t size) {
    snprintf(error, size, "compressed with gzip, and this library was built without zlib");
    return NULL;
}

int luapcap_gzip_unpack(luapcap_gzip *gzip, luapcap_span *in, luapcap_span *out) {
    (void)gzip, (void)in, (void)out;
    return GZIP_ERROR;
}

const char *luapcap_gzip_message(const luapcap_gzip *gzip) {
    (void)gzip;
    return "";
}

void luapcap_gzip_close(luapcap_gzip *gzip) {
    (void)gzip;
}
#endif
