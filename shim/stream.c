/*
 * Savefiles from anywhere: a path, a descriptor, a stream that was read in part, and gzip unpacked
 * on the way. Libpcap gets a FILE of each and reads it as any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include "gzip.h"
#include "luapcap.h"

/* What is read from the system at once, and what the FILE takes of it at once. */
#define INPUT_SIZE 65536
#define BUFFER_SIZE 65536
/* The longest of the magics below; also what every stdio takes back with ungetc(). */
#define MAGIC_SIZE 6

struct luapcap_stream {
    int fd; /* its own */
    luapcap_gzip *gzip;
    int between;       /* at the end of a gzip member: the file may end here */
    luapcap_span rest; /* the part of `input` that is not used yet */
    double taken;      /* where in the file `rest` ends */
    char error[128];
    char buffer[BUFFER_SIZE];
    uint8_t input[];
};

static const struct {
    const char *magic, *name, *command;
} compressions[] = {
    {"\x1f\x8b", "gzip", NULL},
    {"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"},
    {"\xfd\x37zXZ", "xz", "xz -dc"},
    {"BZh", "bzip2", "bzip2 -dc"},
    {"\x04\x22\x4d\x18", "lz4", "lz4 -dc"},
    {"LZIP", "lzip", "lzip -dc"},
    {"\x1f\x9d", "compress", "gzip -dc"},
    {"PK\x03\x04", "zip", "unzip -p"},
};

/* Reads on into the empty `rest`. Returns the bytes, 0 at the end, -1 with errno. */
static ssize_t fill(luapcap_stream *stream) {
    ssize_t n;
    do
        n = read(stream->fd, stream->input, INPUT_SIZE);
    while (n < 0 && errno == EINTR);
    stream->rest.bytes = stream->input;
    stream->rest.size = n > 0 ? (size_t)n : 0;
    stream->taken += n > 0 ? (double)n : 0;
    return n;
}

static ssize_t fail(luapcap_stream *stream, const char *problem) {
    snprintf(stream->error, sizeof stream->error, "error reading dump file: gzip: %s", problem);
    errno = EIO;
    return -1;
}

/* Unpacks until there are bytes. Other things after a whole member are no part of the file. */
static ssize_t read_gzip(luapcap_stream *stream, char *out, size_t size) {
    luapcap_span room = {(uint8_t *)out, size};
    while (room.size == size) {
        if (stream->rest.size == 0) {
            ssize_t n = fill(stream);
            if (n < 0)
                return -1;
            if (n == 0)
                return stream->between ? 0 : fail(stream, "unexpected end of the file");
        }
        if (stream->between && stream->rest.bytes[0] != 0x1f)
            return 0;
        int status = luapcap_gzip_unpack(stream->gzip, &stream->rest, &room);
        if (status == GZIP_ERROR && room.size == size)
            return fail(stream, luapcap_gzip_message(stream->gzip));
        stream->between = status == GZIP_END;
    }
    return (ssize_t)(size - room.size);
}

static ssize_t read_plain(luapcap_stream *stream, char *out, size_t size) {
    if (stream->rest.size == 0) {
        ssize_t n = fill(stream);
        if (n <= 0)
            return n;
    }
    size = size < stream->rest.size ? size : stream->rest.size;
    memcpy(out, stream->rest.bytes, size);
    stream->rest.bytes += size;
    stream->rest.size -= size;
    return (ssize_t)size;
}

/* How many bytes a stream holds that it has read ahead, or -1 where nothing tells. */
static long read_ahead(FILE *file) {
#if defined(__GLIBC__)
    return (long)(file->_IO_read_end - file->_IO_read_ptr);
#elif defined(__FreeBSD__) || defined(__NetBSD__) || defined(__APPLE__)
    return file->_r > 0 ? file->_r : 0;
#else
    (void)file;
    return -1;
#endif
}

/* Reads from a stream as fread() does, and on after a signal. */
static size_t read_whole(uint8_t *bytes, size_t size, FILE *from) {
    size_t got = 0;
    for (;;) {
        errno = 0;
        got += fread(bytes + got, 1, size - got, from);
        if (got == size || !ferror(from) || errno != EINTR)
            return got;
        clearerr(from);
    }
}

static luapcap_cookie_count stream_read(void *cookie, char *out, luapcap_cookie_size size) {
    luapcap_stream *stream = cookie;
    if (size == 0)
        return 0;
    return (luapcap_cookie_count)(stream->gzip != NULL ? read_gzip(stream, out, (size_t)size)
                                                       : read_plain(stream, out, (size_t)size));
}

static int stream_close(void *cookie) {
    luapcap_stream *stream = cookie;
    luapcap_gzip_close(stream->gzip);
    close(stream->fd);
    free(stream);
    return 0;
}

/*
 * A FILE to read what `read` gives, or where that is NULL, to write to `write`; fclose() calls
 * `close`, if there is one, with the cookie.
 */
FILE *luapcap_cookie(void *cookie, luapcap_cookie_read *read, luapcap_cookie_write *write,
                     int (*close)(void *)) {
#ifdef __linux__
    cookie_io_functions_t functions = {.read = read, .write = write, .close = close};
    return fopencookie(cookie, read != NULL ? "rb" : "wb", functions);
#else
    return funopen(cookie, read, write, NULL, close);
#endif
}

/* How the bytes that a file starts with say that it is compressed: an index, or -1. */
static int compression_of(const uint8_t *magic, size_t size) {
    for (size_t i = 0; i < sizeof compressions / sizeof compressions[0]; i++) {
        size_t length = strlen(compressions[i].magic);
        if (size >= length && memcmp(magic, compressions[i].magic, length) == 0)
            return (int)i;
    }
    return -1;
}

/*
 * A FILE of a descriptor, which it takes over whatever happens, and of the bytes that were read
 * from it already. NULL with a message in `errbuf`.
 */
static FILE *wrap(int fd, const uint8_t *head, size_t size, int gzip, luapcap_stream **opened,
                  char *errbuf) {
    luapcap_stream *stream = calloc(1, sizeof *stream + (size > INPUT_SIZE ? size : INPUT_SIZE));
    FILE *file = NULL;
    if (stream == NULL) {
        snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", strerror(errno));
        close(fd);
        return NULL;
    }
    off_t start = lseek(fd, 0, SEEK_CUR);
    stream->fd = fd;
    stream->taken = start > 0 ? (double)start : (double)size;
    stream->rest.bytes = stream->input;
    stream->rest.size = size;
    memcpy(stream->input, head, size);
    if (gzip)
        stream->gzip = luapcap_gzip_open(errbuf, PCAP_ERRBUF_SIZE);
    if (!gzip || stream->gzip != NULL)
        file = luapcap_cookie(stream, stream_read, NULL, stream_close);
    if (file == NULL) {
        if (errbuf[0] == '\0')
            snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", strerror(errno));
        stream_close(stream);
        return NULL;
    }
    setvbuf(file, stream->buffer, _IOFBF, BUFFER_SIZE);
    *opened = stream;
    return file;
}

/* Refuses what is compressed otherwise than with gzip. Returns whether it is gzip, or -1. */
static int judge(const uint8_t *head, size_t size, const char *name, char *errbuf) {
    int found = compression_of(head, size);
    if (found < 0 || compressions[found].command == NULL)
        return found >= 0;
    snprintf(errbuf, PCAP_ERRBUF_SIZE,
             "compressed with %s; unpack it into a pipe: %s %.64s | ... and open \"-\"",
             compressions[found].name, compressions[found].command, name);
    return -1;
}

/* The first bytes of a descriptor: `*taken` is set where they were taken out of a pipe. */
static size_t peek(int fd, uint8_t *head, int *taken) {
    off_t start = lseek(fd, 0, SEEK_CUR);
    size_t size = 0;
    *taken = start < 0;
    while (size < MAGIC_SIZE) {
        ssize_t n = start < 0 ? read(fd, head + size, MAGIC_SIZE - size)
                              : pread(fd, head + size, MAGIC_SIZE - size, start + (off_t)size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        size += (size_t)n;
    }
    return size;
}

/*
 * A FILE of a descriptor, which it takes over whatever happens. NULL with a message. A pipe is
 * read by us: stdio would give up, with bytes lost, when a signal interrupts it.
 */
static FILE *open_fd(int fd, const char *name, luapcap_stream **stream, char *errbuf) {
    uint8_t head[MAGIC_SIZE];
    int taken;
    size_t size = peek(fd, head, &taken);
    int gzip = judge(head, size, name, errbuf);
    if (gzip > 0 || (gzip == 0 && taken))
        return wrap(fd, head, taken ? size : 0, gzip, stream, errbuf);
    FILE *file = gzip == 0 ? fdopen(fd, "rb") : NULL;
    if (file == NULL) {
        if (gzip == 0)
            snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", strerror(errno));
        close(fd);
        return NULL;
    }
    return file;
}

/*
 * A FILE of another one, from where that stands, which stays open and its owner's. What a pipe's
 * has read ahead is taken along. Standard input that is a file, and not compressed, is handed on
 * itself.
 */
static FILE *open_file(FILE *from, const char *name, luapcap_stream **stream, char *errbuf) {
    uint8_t head[MAGIC_SIZE + BUFFER_SIZE];
    off_t position = ftello(from);
    int fd = fcntl(fileno(from), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", strerror(errno));
        return NULL;
    }
    if (position >= 0 && from != stdin)
        lseek(fd, position, SEEK_SET);
    if ((position >= 0 && from != stdin) || read_ahead(from) < 0)
        return open_fd(fd, name, stream, errbuf);
    size_t size = read_whole(head, MAGIC_SIZE, from);
    int gzip = judge(head, size, name, errbuf);
    if (gzip == 0 && from == stdin && position >= 0) {
        close(fd);
        while (size > 0)
            ungetc(head[--size], from);
        return from;
    }
    if (gzip < 0) {
        close(fd);
        return NULL;
    }
    size_t ahead = (size_t)read_ahead(from);
    size += fread(head + size, 1, ahead < BUFFER_SIZE ? ahead : BUFFER_SIZE, from);
    return wrap(fd, head, size, gzip, stream, errbuf);
}

/*
 * Opens a savefile from `path` ("-": stdin), or where that is NULL from a copy of the descriptor
 * of `file`, or where that is NULL too from a copy of `fd`. What it is given stays the caller's,
 * and shares its position with the copy. `*stream` is set where the bytes come through one, which
 * then lives until pcap_close(). NULL with errno and a message in `errbuf`, of PCAP_ERRBUF_SIZE.
 */
pcap_t *luapcap_open_offline(const char *path, int fd, FILE *file, unsigned int precision,
                             luapcap_stream **stream, char *errbuf) {
    FILE *source = NULL;
    *stream = NULL;
    errbuf[0] = '\0';
    if (path != NULL && strcmp(path, "-") == 0)
        file = stdin;
    if (file != NULL) {
        source = open_file(file, path != NULL ? path : "FILE", stream, errbuf);
    } else {
        int own = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (own < 0)
            snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", strerror(errno));
        else
            source = open_fd(own, path != NULL ? path : "FILE", stream, errbuf);
    }
    if (source == NULL)
        return NULL;
    pcap_t *p = pcap_fopen_offline_with_tstamp_precision(source, precision, errbuf);
    if (p != NULL)
        return p;
    if (*stream != NULL && (*stream)->error[0] != '\0')
        snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", (*stream)->error);
    *stream = NULL;
    if (source != stdin)
        fclose(source);
    errno = 0;
    return NULL;
}

/*
 * Reads as luapcap_next() from a handle whose bytes come through `stream`. Where a signal came
 * while there was nothing to read it returns 0, for the caller, whose handlers in Lua run now, to
 * try again.
 */
int luapcap_stream_next(pcap_t *p, const luapcap_stream *stream, luapcap_packet *packet) {
    struct pollfd ready = {.fd = stream->fd, .events = POLLIN, .revents = 0};
    int is_empty = stream->rest.size == 0 && read_ahead(pcap_file(p)) == 0;
    if (is_empty && poll(&ready, 1, -1) < 0 && errno == EINTR)
        return 0;
    return luapcap_next(p, packet);
}

/* The descriptor that the bytes come from, which stays the stream's. */
int luapcap_stream_fileno(const luapcap_stream *stream) {
    return stream->fd;
}

/* What went wrong in unpacking, or "". The string lives as long as the stream. */
const char *luapcap_stream_error(const luapcap_stream *stream) {
    return stream->error;
}

/*
 * How far a savefile has been read, in bytes of the file as it lies there: `*position`, and of
 * how many in all: `*size`. Each is -1 where there is no such number, as for a pipe.
 */
void luapcap_progress(pcap_t *p, const luapcap_stream *stream, double *position, double *size) {
    FILE *file = pcap_file(p);
    int fd = stream != NULL ? stream->fd : fileno(file);
    struct stat status;
    if (stream == NULL)
        *position = (double)ftello(file);
    else
        *position = stream->gzip != NULL ? stream->taken - (double)stream->rest.size : -1;
    *size = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? (double)status.st_size : -1;
}
