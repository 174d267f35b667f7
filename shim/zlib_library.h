/* What gzip.c and gzip_pack.c need of zlib. */
#ifndef LUAPCAP_ZLIB_LIBRARY_H
#define LUAPCAP_ZLIB_LIBRARY_H

/* Without this header the shim is built without gzip. */
#if defined(__has_include)
#if __has_include(<zlib.h>)
#define HAVE_ZLIB_H 1
#endif
#endif

#ifdef HAVE_ZLIB_H
#include <zlib.h>
#include "library.h"

/* 15: the largest window; 16: the format is gzip's, and its checksum is checked. */
#define GZIP_WINDOW (15 + 16)

static const luapcap_library zlib = {"zlib1g",
                                     {"libz.so.1", "libz.so", "libz.1.dylib", "libz.dylib"}};
#endif

#endif
