/* Unpacks and packs gzip: between input.c, target.c and zlib. */
#ifndef LUAPCAP_GZIP_H
#define LUAPCAP_GZIP_H

#include <stddef.h>
#include <stdint.h>

/* Without this header the shim is built without gzip. */
#if defined(__has_include)
#if __has_include(<zlib.h>)
#define HAVE_ZLIB_H 1
#endif
#endif

/* zlib.c */
void *luapcap_zlib_load(int *reason);
int luapcap_zlib_find(void *library, const char *name, void *function);

/* gzip.c */
typedef struct luapcap_gzip luapcap_gzip;

typedef struct luapcap_span {
    uint8_t *bytes;
    size_t size;
} luapcap_span;

enum { GZIP_MORE, GZIP_END, GZIP_ERROR };

luapcap_gzip *luapcap_gzip_open(char *error, size_t size);
int luapcap_gzip_unpack(luapcap_gzip *gzip, luapcap_span *in, luapcap_span *out);
const char *luapcap_gzip_message(const luapcap_gzip *gzip);
void luapcap_gzip_close(luapcap_gzip *gzip);

/* pack.c */
typedef struct luapcap_packer luapcap_packer;
typedef int luapcap_put(void *cookie, const void *bytes, size_t size);

enum { PACK_MORE, PACK_FLUSH, PACK_END };

luapcap_packer *luapcap_packer_open(int level, char *error, size_t size);
int luapcap_packer_put(luapcap_packer *packer, const void *bytes, size_t size, int what,
                       luapcap_put *put, void *cookie);
void luapcap_packer_close(luapcap_packer *packer);

#endif
