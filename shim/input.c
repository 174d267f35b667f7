/*
 * Reads a savefile's bytes from a path, a descriptor, or a stream that has been read in part. Gzip
 * and zstd are unpacked on the way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include "compression.h"
#include "luapcap.h"
#ifdef HAVE_FREADAHEAD
#include <stdio_ext.h>
#endif

/* Bytes that are read ahead: to unpack, and for the first look at a file. */
#define AHEAD_SIZE 65536
/* The longest of the magics below. */
#define MAGIC_SIZE 6

enum kind { UNKNOWN, PLAIN, PACKED, REFUSED };

struct luapcap_input {
    int fd;          /* its own */
    int is_seekable; /* it is read at `position`; the descriptor's own position stays as it is */
    int is_regular;
    int is_followed; /* its end is not the end: more may come */
    double position; /* where the next bytes are read from; for a pipe, the bytes read so far */
    enum kind kind;
    const luapcap_unpacker *unpacker;
    void *unpacking;    /* the unpacker's */
    int is_between;     /* members: the file may end here */
    int may_hold;       /* the unpacker may give more without more bytes */
    int is_damaged;     /* the unpacker has failed */
    luapcap_span ahead; /* the part of `buffer` that is not used yet */
    char error[PCAP_ERRBUF_SIZE];
    char name[72]; /* for the message about other compressions */
    uint8_t *buffer;
    size_t buffer_size;
};

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
static ssize_t read_ahead(luapcap_input *input, size_t size) {
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

/* Unpacks what is ahead, or reads on. */
static ssize_t read_packed(luapcap_input *input, uint8_t *out, size_t size) {
    luapcap_span room = {out, size};
    while (room.size == size) {
        if (input->is_damaged)
            return fail(input, input->unpacker->message(input->unpacking));
        if (input->ahead.size == 0 && !input->may_hold) {
            ssize_t n = read_ahead(input, AHEAD_SIZE);
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
            errno = EAGAIN; /* as in learn_kind() */
            return -1;
        }
    }
    return (ssize_t)(size - room.size);
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
static int learn_kind(luapcap_input *input) {
    while (input->ahead.size < MAGIC_SIZE) {
        ssize_t n = read_ahead(input, MAGIC_SIZE);
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
    if (input->kind == UNKNOWN && learn_kind(input) != 0)
        return -1;
    if (input->kind == REFUSED) {
        errno = EINVAL;
        return -1;
    }
    if (input->kind == PACKED)
        return read_packed(input, out, size);
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

/*
 * Makes an input for a compressed file that comes in pieces. The file begins with the bytes at
 * `start`: MAGIC_SIZE or all there are. They are only looked at. Its end is its end for now.
 * Returns an input for luapcap_input_close(); or NULL with errno, which is 0 if the file is not
 * compressed, or not in a way that is unpacked here.
 */
luapcap_input *luapcap_input_of_pieces(const void *start, size_t size) {
    luapcap_span span = {(uint8_t *)(uintptr_t)start, size};
    int found = compression_of(&span);
    if (found < 0 || compressions[found].unpacker == NULL) {
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
