/*
 * Reads a savefile's bytes from a path, a descriptor, or a stream that has been read in part. What
 * is compressed is unpacked on the way (input_packed.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "input.h"
#ifdef HAVE_FREADAHEAD
#include <stdio_ext.h>
#endif

/* Reads once from the system. Returns how many bytes, 0 at the end, or -1 with errno. */
static ssize_t read_raw(luapcap_input *input, uint8_t *out, size_t size) {
    if (input->fd < 0) /* pieces: all that has come is ahead */
        return 0;
    ssize_t n = input->is_seekable ? pread(input->fd, out, size, (off_t)input->position)
                                   : read(input->fd, out, size);
    if (n > 0)
        input->position += (double)n;
    return n;
}

/* Reads more after what `ahead` still holds, up to `size` bytes in all. Returns as read_raw(). */
ssize_t luapcap_input_read_ahead(luapcap_input *input, size_t size) {
    luapcap_span *ahead = &input->ahead;
    if (ahead->size > 0)
        memmove(input->buffer, ahead->bytes, ahead->size);
    ahead->bytes = input->buffer;
    if (input->buffer_size < size) {
        uint8_t *larger = realloc(input->buffer, size);
        if (larger == NULL)
            return -1;
        input->buffer = larger;
        input->buffer_size = size;
    }
    ahead->bytes = input->buffer;
    ssize_t n = read_raw(input, input->buffer + ahead->size, size - ahead->size);
    ahead->size += n > 0 ? (size_t)n : 0;
    return n;
}

static ssize_t read_plain(luapcap_input *input, uint8_t *out, size_t size) {
    if (input->ahead.size == 0)
        return read_raw(input, out, size);
    size = size < input->ahead.size ? size : input->ahead.size;
    memcpy(out, input->ahead.bytes, size);
    input->ahead.bytes += size;
    input->ahead.size -= size;
    return (ssize_t)size;
}

/*
 * Reads up to `size` bytes. Returns how many, 0 at the end for now, or -1 with errno. After EINTR
 * (a signal came) and EAGAIN (there are no bytes yet), try again. luapcap_input_error() may tell
 * more.
 */
ssize_t luapcap_input_read(luapcap_input *input, uint8_t *out, size_t size) {
    if (input->kind == REFUSED) {
        errno = EINVAL;
        return -1;
    }
    input->error[0] = '\0';
    if (input->kind == UNKNOWN && luapcap_input_learn_kind(input) != 0)
        return -1;
    if (input->kind == REFUSED) {
        errno = EINVAL;
        return -1;
    }
    if (input->kind == PACKED)
        return luapcap_input_read_packed(input, out, size);
    return input->kind == PLAIN ? read_plain(input, out, size) : 0;
}

/* Moves where the next bytes are read from by `count` bytes, back if that is negative. Returns 1,
 * or 0 if it cannot: it is a pipe, or compressed. */
int luapcap_input_move(luapcap_input *input, double count) {
    if (!input->is_regular || input->kind != PLAIN || input->ahead.size > 0)
        return 0;
    input->position += count;
    return 1;
}

/* How many bytes a stream has read ahead and still holds, or -1 if nothing tells. */
static long stream_holds(FILE *file) {
#if defined(HAVE_GLIBC_FILE)
    return (long)(file->_IO_read_end - file->_IO_read_ptr);
#elif defined(HAVE_FREADAHEAD)
    return (long)__freadahead(file);
#elif defined(HAVE_BSD_FILE)
    return file->_r > 0 ? file->_r : 0;
#else
    (void)file;
    return -1;
#endif
}

/* Takes over what a pipe's stream has read ahead. Returns 0, or -1 with errno. */
static int take_over(luapcap_input *input, FILE *file) {
    long held = stream_holds(file);
    if (held <= 0)
        return 0;
    input->buffer = malloc((size_t)held);
    if (input->buffer == NULL)
        return -1;
    input->buffer_size = (size_t)held;
    input->ahead.bytes = input->buffer;
    input->ahead.size = fread(input->buffer, 1, (size_t)held, file);
    return 0;
}

/*
 * Opens `path` ("-" is stdin). If `path` is NULL, it opens a copy of the descriptor of `file`. If
 * `file` is NULL too, it opens a copy of `fd`. What it is given stays the caller's. A file is read
 * from its present position. What a pipe's stream has read ahead is taken over. Nothing else is
 * read yet. Returns an input for luapcap_input_close(), or NULL with errno.
 */
luapcap_input *luapcap_input_open(const char *path, int fd, FILE *file) {
    struct stat status;
    luapcap_input *input = calloc(1, sizeof *input);
    if (input == NULL)
        return NULL;
    if (path != NULL && strcmp(path, "-") == 0)
        file = stdin;
    if (file != NULL)
        fd = fileno(file);
    input->fd = path != NULL && file == NULL ? open(path, O_RDONLY | O_CLOEXEC)
                                             : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (input->fd < 0) {
        free(input);
        return NULL;
    }
    snprintf(input->name, sizeof input->name, "%s", path != NULL ? path : "FILE");
    off_t position = file != NULL ? ftello(file) : lseek(input->fd, 0, SEEK_CUR);
    input->is_seekable = position >= 0;
    input->position = position >= 0 ? (double)position : 0;
    input->is_regular = fstat(input->fd, &status) == 0 && S_ISREG(status.st_mode);
    if (file == NULL || position >= 0 || take_over(input, file) == 0)
        return input;
    luapcap_input_close(input);
    errno = ENOMEM;
    return NULL;
}

/* Closes and frees the input. */
void luapcap_input_close(luapcap_input *input) {
    if (input->unpacking != NULL)
        input->unpacker->close(input->unpacking);
    if (input->fd >= 0)
        close(input->fd);
    free(input->buffer);
    free(input);
}

/* The descriptor that the bytes come from. It stays the input's. */
int luapcap_input_fileno(const luapcap_input *input) {
    return input->fd;
}

/* Whether a read may have to wait for bytes. It never waits for a file's, or those
 * read ahead or held by an unpacker. */
int luapcap_input_waits(const luapcap_input *input) {
    size_t enough = input->kind == UNKNOWN ? MAGIC_SIZE : 1;
    int has_something = input->may_hold || input->is_damaged;
    return !input->is_regular && !has_something && input->ahead.size < enough;
}

/* Takes the end of the file as its end for now, wherever it is. Returns 1, or 0 for a pipe. */
int luapcap_input_follow(luapcap_input *input) {
    input->is_followed = input->is_regular;
    return input->is_regular;
}

/* What went wrong in the last read, or "" if errno says it all. It lives as long as the input. */
const char *luapcap_input_error(const luapcap_input *input) {
    return input->error;
}

/*
 * How far the file has been read, in bytes as it is stored, compressed or not. `*position` leaves
 * out the last `held` bytes, which have been read and not used yet. `*size` is the size of the
 * file. Each is -1 if there is no such number, as for a pipe.
 */
void luapcap_input_progress(const luapcap_input *input, double held, double *position,
                            double *size) {
    struct stat status;
    *position = -1;
    if (input->kind == PACKED)
        *position = input->position - (double)input->ahead.size;
    else if (input->is_seekable)
        *position = input->position - (double)input->ahead.size - held;
    *size = input->is_regular && fstat(input->fd, &status) == 0 ? (double)status.st_size : -1;
}
