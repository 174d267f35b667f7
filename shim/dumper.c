/* Dump files whose every write is checked, which pcap_dump() does not do. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include "luapcap.h"

#if !defined(__linux__) && !defined(__FreeBSD__)
#define fwrite_unlocked fwrite
#endif

/* Large enough to make the system calls of a copy vanish; 4096 is what stdio takes by itself. */
#define STREAM_BUFFER_SIZE 65536

struct luapcap_dumper {
    pcap_dumper_t *dump; /* owns the stream */
    FILE *stream;        /* owns the descriptor */
    int fd;
    int is_file;  /* not a pipe or a device */
    char *buffer; /* the stream's, freed after it */
    double nsec_per_unit;
    int error; /* errno of the first write that failed, or 0 */
};

/* A message that names the path, if there is one. */
static int fail(char *errbuf, const char *path, const char *problem) {
    snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s%s%s", path != NULL ? path : "", path != NULL ? ": " : "",
             problem);
    return -1;
}

/* Writes all, and on after a signal, where stdio would lose what it has in its buffer. */
static luapcap_cookie_count write_whole(void *cookie, const char *bytes, luapcap_cookie_size size) {
    const luapcap_dumper *dumper = cookie;
    size_t done = 0;
    while (done < (size_t)size) {
        ssize_t n = write(dumper->fd, bytes + done, (size_t)size - done);
        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
#ifdef __linux__
    return (luapcap_cookie_count)done;
#else
    return done < (size_t)size ? -1 : size;
#endif
}

static int close_descriptor(void *cookie) {
    const luapcap_dumper *dumper = cookie;
    return close(dumper->fd);
}

/*
 * Opens a writable descriptor on `path`, not yet truncated, or on a copy of `fd` for NULL.
 * `*is_new` is set where that made the file.
 */
static int open_descriptor(const char *path, int fd, int *is_new) {
    *is_new = 0;
    if (path == NULL)
        return fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int opened = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *is_new = opened >= 0;
    /* O_CREAT again: a link may lead to where nothing is yet. */
    return opened >= 0 || errno != EEXIST ? opened
                                          : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
}

static int is_regular(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* Opens the dumper's stream on its descriptor, which it takes over whatever happens. */
static int open_stream(luapcap_dumper *dumper) {
    if (dumper->fd < 0)
        return -1;
    dumper->is_file = is_regular(dumper->fd);
    dumper->stream = dumper->is_file
                         ? fdopen(dumper->fd, "wb")
                         : luapcap_cookie(dumper, NULL, write_whole, NULL, close_descriptor);
    if (dumper->stream == NULL)
        close(dumper->fd);
    return dumper->stream != NULL ? 0 : -1;
}

/* Makes the dumper's descriptor a savefile's, from where it stands. */
static int begin_file(luapcap_dumper *dumper, pcap_t *p, const char *path, char *errbuf) {
    if (open_stream(dumper) != 0)
        return fail(errbuf, path, strerror(errno));
    dumper->buffer = malloc(STREAM_BUFFER_SIZE);
    if (dumper->buffer == NULL)
        return fail(errbuf, path, strerror(errno));
    /* The header stays in the buffer, so of libpcap's failures only the one that leaves the
     * stream open is left: a link type that savefiles do not have. */
    setvbuf(dumper->stream, dumper->buffer, _IOFBF, STREAM_BUFFER_SIZE);
    dumper->dump = pcap_dump_fopen(p, dumper->stream);
    return dumper->dump != NULL ? 0 : fail(errbuf, path, pcap_geterr(p));
}

/*
 * Opens a new savefile. One that libpcap refuses to write is not left behind, and the old contents
 * go only once it has taken the link type. What the caller has opened keeps what is in it.
 */
static int open_new(luapcap_dumper *dumper, pcap_t *p, const char *path, int fd, char *errbuf) {
    int is_stdout = path != NULL && strcmp(path, "-") == 0;
    int is_ours = path != NULL && !is_stdout;
    int is_new;
    if (is_stdout)
        fflush(stdout);
    dumper->fd = open_descriptor(is_ours ? path : NULL, is_stdout ? STDOUT_FILENO : fd, &is_new);
    int status = begin_file(dumper, p, path, errbuf);
    if (status == 0 && is_ours && dumper->is_file && ftruncate(dumper->fd, 0) != 0)
        status = fail(errbuf, path, strerror(errno));
    if (status != 0 && is_new)
        unlink(path);
    return status;
}

/* Whether the records of a savefile are whole up to its end: what is added behind a piece of one
 * would be lost in it. */
static int ends_whole(const char *path, char *errbuf) {
    struct pcap_pkthdr *header;
    const u_char *data;
    char problem[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_open_offline(path, problem);
    int status;
    if (p == NULL) {
        snprintf(errbuf, PCAP_ERRBUF_SIZE, "%.120s: %.120s", path, problem);
        return 0;
    }
    do
        status = pcap_next_ex(p, &header, &data);
    while (status == 1);
    if (status != PCAP_ERROR_BREAK)
        fail(errbuf, path, pcap_geterr(p));
    pcap_close(p);
    return status == PCAP_ERROR_BREAK;
}

/* Opens a savefile of the same kind for appending, as pcap_dump_open_append() judges it. */
static int open_append(luapcap_dumper *dumper, pcap_t *p, const char *path, char *errbuf) {
    dumper->dump = pcap_dump_open_append(p, path);
    if (dumper->dump == NULL) {
        snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(p));
        return -1;
    }
    dumper->stream = pcap_dump_file(dumper->dump);
    dumper->fd = fileno(dumper->stream);
    dumper->is_file = is_regular(dumper->fd);
    /* libpcap leaves it to the programs that are started. */
    fcntl(dumper->fd, F_SETFD, FD_CLOEXEC);
    /* A new file's header is in the buffer as yet. */
    if (fflush(dumper->stream) != 0)
        return fail(errbuf, path, strerror(errno));
    return !dumper->is_file || ends_whole(path, errbuf) ? 0 : -1;
}

/*
 * Opens `path` ("-": stdout), or for NULL a copy of `fd` from where that stands, for packets of
 * the kind that `p` gives. Stdout and `fd` stay open when the dumper is closed. `append` not 0
 * adds to the existing file at `path`. `p` is not needed afterwards. Returns a dumper for
 * luapcap_dumper_close() or luapcap_dumper_free(), or NULL with a message that names the path, if
 * any, in `errbuf`, of PCAP_ERRBUF_SIZE, and the reason in errno.
 */
luapcap_dumper *luapcap_dumper_open(pcap_t *p, const char *path, int fd, int append, char *errbuf) {
    luapcap_dumper *dumper = calloc(1, sizeof *dumper);
    if (dumper == NULL) {
        fail(errbuf, path, strerror(errno));
        return NULL;
    }
    int nano = pcap_get_tstamp_precision(p) == PCAP_TSTAMP_PRECISION_NANO;
    dumper->nsec_per_unit = nano ? 1 : 1000;
    int status =
        append ? open_append(dumper, p, path, errbuf) : open_new(dumper, p, path, fd, errbuf);
    if (status == 0)
        return dumper;
    int reason = errno;
    if (dumper->dump == NULL && dumper->stream != NULL)
        fclose(dumper->stream);
    luapcap_dumper_free(dumper);
    errno = reason;
    return NULL;
}

/* What a write's outcome is to the caller: 0, or -1 with the errno of the first failure. */
static int outcome(luapcap_dumper *dumper, int written) {
    if (dumper->error == 0 && (!written || ferror(dumper->stream)))
        dumper->error = errno != 0 ? errno : EIO;
    errno = dumper->error;
    return dumper->error == 0 ? 0 : -1;
}

/*
 * Writes one packet, the bytes that pcap_dump() would write: one call of stdio without its lock
 * where that one makes two with, for a dumper has one owner. Returns 0, or -1 with errno when
 * this write or an earlier one failed, after which nothing more is written. The caller has
 * checked caplen against the snapshot length and the second against 32 bits.
 */
int luapcap_dumper_write(luapcap_dumper *dumper, const luapcap_packet *packet) {
    struct {
        luapcap_record header;
        uint8_t data[2048];
    } whole;
    size_t size = sizeof whole.header;
    size_t rest = packet->caplen;
    FILE *stream = dumper->stream;

    if (dumper->error != 0)
        return outcome(dumper, 0);
    whole.header.sec = (int32_t)(int64_t)packet->sec;
    whole.header.fraction = (int32_t)(int64_t)(packet->nsec / dumper->nsec_per_unit);
    whole.header.caplen = (int32_t)packet->caplen;
    whole.header.wirelen = packet->wirelen;
    if (rest <= sizeof whole.data) {
        memcpy(whole.data, packet->data, rest);
        size += rest;
        rest = 0;
    }
    errno = 0;
    return outcome(dumper, fwrite_unlocked(&whole, 1, size, stream) == size &&
                               fwrite_unlocked(packet->data, 1, rest, stream) == rest);
}

/*
 * Hands everything written so far to the system. Returns 0, or -1 with errno when this or any
 * earlier write failed: pcap_dump_flush() alone forgets the earlier ones.
 */
int luapcap_dumper_flush(luapcap_dumper *dumper) {
    errno = 0;
    return outcome(dumper, pcap_dump_flush(dumper->dump) == 0);
}

/* Flushes and frees the dumper, which is gone whatever this returns: 0, or -1 with errno. */
int luapcap_dumper_close(luapcap_dumper *dumper) {
    int status = luapcap_dumper_flush(dumper);
    int reason = errno;
    luapcap_dumper_free(dumper);
    errno = reason;
    return status;
}

/* Frees the dumper as its finalizer: whatever is still in the buffer is written, unchecked. */
void luapcap_dumper_free(luapcap_dumper *dumper) {
    if (dumper->dump != NULL)
        pcap_dump_close(dumper->dump);
    free(dumper->buffer);
    free(dumper);
}

/* Bytes of the savefile so far, those still in the buffer too; -1 with errno, as for a pipe. */
double luapcap_dumper_tell(luapcap_dumper *dumper) {
    if (!dumper->is_file) {
        errno = ESPIPE;
        return -1;
    }
    return (double)pcap_dump_ftell64(dumper->dump);
}

/* The dumper's own descriptor. */
int luapcap_dumper_fileno(const luapcap_dumper *dumper) {
    return dumper->fd;
}

/* Gives `packet` the time of this moment, to the microsecond. */
void luapcap_now(luapcap_packet *packet) {
    struct timeval now;
    gettimeofday(&now, NULL);
    packet->sec = (double)now.tv_sec;
    packet->nsec = (double)now.tv_usec * 1000;
}
