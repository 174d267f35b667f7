/* Compressions: what input.c and target.c ask of gzip and zstd. */
#ifndef LUAPCAP_COMPRESSION_H
#define LUAPCAP_COMPRESSION_H

#include <stddef.h>
#include <stdint.h>

typedef struct luapcap_span {
    uint8_t *bytes;
    size_t size;
} luapcap_span;

enum { UNPACK_MORE, UNPACK_END, UNPACK_ERROR };

/*
 * Unpacks. open() returns what close() frees, or NULL with the reason in `error` and errno.
 * unpack() unpacks from `in` to `out`, and moves both on. It returns UNPACK_END at the end of a
 * member, which zstd calls a frame: the next call begins another. It returns UNPACK_MORE when it
 * needs more of either. It returns UNPACK_ERROR, then and whenever it is called after that; then
 * message() is a string that lives as long as the state.
 */
typedef struct luapcap_unpacker {
    const char *name;
    int first_byte; /* of a member: what begins with another is no part of the file; or -1 */
    void *(*open)(char *error, size_t size);
    int (*unpack)(void *state, luapcap_span *in, luapcap_span *out);
    const char *(*message)(const void *state);
    void (*close)(void *state);
} luapcap_unpacker;

typedef int luapcap_put(void *cookie, const void *bytes, size_t size);

enum { PACK_MORE, PACK_FLUSH, PACK_END };

/*
 * Packs. open() takes the library's level, and returns as that of luapcap_unpacker. pack() gives
 * what comes out to put(cookie, ...). After PACK_FLUSH, a reader of what came out has everything
 * that went in. PACK_END writes the end. `size` is below 4 GB. It returns 0, or an errno: of put(),
 * ENOMEM or EIO.
 */
typedef struct luapcap_packer {
    const char *name;
    void *(*open)(int level, char *error, size_t size);
    int (*pack)(void *state, const void *bytes, size_t size, int what, luapcap_put *put,
                void *cookie);
    void (*close)(void *state);
} luapcap_packer;

/* gzip.c and zstd.c */
extern const luapcap_unpacker luapcap_gzip;
extern const luapcap_unpacker luapcap_zstd;

/* gzip_pack.c and zstd_pack.c */
extern const luapcap_packer luapcap_gzip_packer;
extern const luapcap_packer luapcap_zstd_packer;

#endif
