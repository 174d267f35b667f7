/* Tells how a savefile is compressed, and unpacks it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "input.h"

/* Bytes that are read ahead to unpack. */
#define AHEAD_SIZE 65536

static const struct {
    const char *magic;
    const char *name;
    const char *command; /* that unpacks it, where we cannot */
    const luapcap_unpacker *unpacker;
    uint8_t varies; /* bits of the magic's first byte */
} compressions[] = {
    {"\x1f\x8b", "gzip", NULL, &luapcap_gzip, 0},
    {"\x28\xb5\x2f\xfd", "zstd", NULL, &luapcap_zstd, 0},
    {"\x50\x2a\x4d\x18", "zstd", NULL, &luapcap_zstd, 0x0f}, /* a frame to skip */
    {"\xfd\x37zXZ", "xz", "xz -dc", NULL, 0},
    {"BZh", "bzip2", "bzip2 -dc", NULL, 0},
    {"\x04\x22\x4d\x18", "lz4", "lz4 -dc", NULL, 0},
    {"LZIP", "lzip", "lzip -dc", NULL, 0},
    {"\x1f\x9d", "compress", "gzip -dc", NULL, 0},
    {"PK\x03\x04", "zip", "unzip -p", NULL, 0},
};

/* The compression that the first bytes of a file tell of: an index, or -1. */
static int compression_of(const luapcap_span *start) {
    for (size_t i = 0; i < sizeof compressions / sizeof compressions[0]; i++) {
        const char *magic = compressions[i].magic;
        size_t length = strlen(magic);
        if (start->size >= length &&
            (start->bytes[0] & ~compressions[i].varies) == (uint8_t)magic[0] &&
            memcmp(start->bytes + 1, magic + 1, length - 1) == 0)
            return (int)i;
    }
    return -1;
}

/* Reads as much as is needed to know the kind of the file. Returns 0, or -1 with errno. */
int luapcap_input_learn_kind(luapcap_input *input) {
    while (input->ahead.size < MAGIC_SIZE) {
        ssize_t n = luapcap_input_read_ahead(input, MAGIC_SIZE);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        if (luapcap_input_waits(input)) {
            errno = EAGAIN; /* the caller waits for more, because a wait here hears no signals */
            return -1;
        }
    }
    if (input->ahead.size == 0 || (input->is_followed && input->ahead.size < MAGIC_SIZE))
        return 0; /* too few bytes to tell, for now */
    int found = compression_of(&input->ahead);
    if (found < 0) {
        input->kind = PLAIN;
        if (input->is_seekable) {
            input->position -= (double)input->ahead.size;
            input->ahead.size = 0;
        }
    } else if (compressions[found].unpacker != NULL) {
        input->unpacker = compressions[found].unpacker;
        input->unpacking = input->unpacker->open(input->error, sizeof input->error);
        if (input->unpacking == NULL)
            return -1;
        input->kind = PACKED;
    } else {
        input->kind = REFUSED;
        snprintf(input->error, sizeof input->error,
                 "compressed with %s; unpack it into a pipe: %s %s | ... and open \"-\"",
                 compressions[found].name, compressions[found].command, input->name);
    }
    return 0;
}

/* What unpacks a file that begins with these bytes, MAGIC_SIZE or all there are; or NULL. */
const luapcap_unpacker *luapcap_input_unpacker(const void *start, size_t size) {
    luapcap_span span = {(uint8_t *)(uintptr_t)start, size};
    int found = compression_of(&span);
    return found < 0 ? NULL : compressions[found].unpacker;
}

static ssize_t fail(luapcap_input *input, const char *problem) {
    snprintf(input->error, sizeof input->error, "error reading dump file: %s: %s",
             input->unpacker->name, problem);
    errno = EIO;
    return -1;
}

/* Whether the file's members end here, because what follows is something else. */
static int is_behind(const luapcap_input *input) {
    return input->is_between && input->unpacker->first_byte >= 0 &&
           input->ahead.bytes[0] != input->unpacker->first_byte;
}

/* Unpacks what is ahead, or reads on. Returns as luapcap_input_read(). */
ssize_t luapcap_input_read_packed(luapcap_input *input, uint8_t *out, size_t size) {
    luapcap_span room = {out, size};
    while (room.size == size) {
        if (input->is_damaged)
            return fail(input, input->unpacker->message(input->unpacking));
        if (input->ahead.size == 0 && !input->may_hold) {
            ssize_t n = luapcap_input_read_ahead(input, AHEAD_SIZE);
            if (n < 0)
                return -1;
            if (n == 0)
                return input->is_between || input->is_followed
                           ? 0
                           : fail(input, "unexpected end of the file");
        }
        if (is_behind(input))
            return 0;
        int status = input->unpacker->unpack(input->unpacking, &input->ahead, &room);
        input->is_damaged = status == UNPACK_ERROR;
        if (input->is_damaged)
            continue;
        input->is_between = status == UNPACK_END;
        input->may_hold = status != UNPACK_END && room.size == 0;
        if (room.size == size && input->ahead.size == 0 && !input->is_regular) {
            errno = EAGAIN; /* as in luapcap_input_learn_kind() */
            return -1;
        }
    }
    return (ssize_t)(size - room.size);
}
