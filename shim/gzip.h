/* Unpacks gzip: between input.c and zlib. */
#ifndef LUAPCAP_GZIP_H
#define LUAPCAP_GZIP_H

#include <stddef.h>
#include <stdint.h>

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

#endif
