/* The input of a compressed savefile that comes in pieces. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "input.h"

/*
 * Makes an input for a compressed file that comes in pieces. The file begins with the bytes at
 * `start`: MAGIC_SIZE or all there are. They are only looked at. Its end is its end for now.
 * Returns an input for luapcap_input_close(); or NULL with errno, which is 0 if the file is not
 * compressed, or not in a way that is unpacked here.
 */
luapcap_input *luapcap_input_of_pieces(const void *start, size_t size) {
    if (luapcap_input_unpacker(start, size) == NULL) {
        errno = 0;
        return NULL;
    }
    luapcap_input *input = calloc(1, sizeof *input);
    if (input != NULL) {
        input->fd = -1;
        input->is_regular = input->is_followed = 1; /* it never waits */
    }
    return input;
}

/*
 * Adds a copy of a piece. NULL says that no more will come. What has been read makes room first, if
 * that is as much as has not: so pieces of any size cost linear time. Returns 0, or -1 with errno.
 */
int luapcap_input_add(luapcap_input *input, const void *bytes, size_t size) {
    luapcap_span *ahead = &input->ahead;
    if (bytes == NULL) {
        input->is_followed = 0;
        return 0;
    }
    size_t used = ahead->size > 0 ? (size_t)(ahead->bytes - input->buffer) : 0;
    size_t needed = ahead->size + size;
    if (used + needed > input->buffer_size && used >= needed) {
        memmove(input->buffer, ahead->bytes, ahead->size);
        used = 0;
    } else if (used + needed > input->buffer_size) {
        uint8_t *larger = realloc(input->buffer, 2 * (used + needed));
        if (larger == NULL)
            return -1;
        input->buffer = larger;
        input->buffer_size = 2 * (used + needed);
    }
    ahead->bytes = input->buffer + used;
    if (size > 0)
        memcpy(ahead->bytes + ahead->size, bytes, size);
    ahead->size += size;
    return 0;
}
