/* Savefiles being written, with every write checked, which pcap_dump() does not do. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include "luapcap.h"

#ifdef HAVE_FWRITE_UNLOCKED
#define WRITE fwrite_unlocked
#else
#define WRITE fwrite
#endif

/* Large enough to make the system calls of a copy vanish; 4096 is what stdio takes by itself. */
#define STREAM_BUFFER_SIZE 65536
#define FILE_HEADER_SIZE 24

struct luapcap_dumper {
    FILE *stream; /* writes to the descriptor, and closes it */
    int fd;
    int is_file;     /* not a pipe or a device */
    double position; /* where in the file the next record starts */
    size_t short_of; /* how many bytes the file is short of a whole number of buffers, or 0 */
    double nsec_per_unit;
    int error; /* errno of the first write that failed, or of the close; or 0 */
    char buffer[STREAM_BUFFER_SIZE];
};

static int fail(char *errbuf, const char *problem) {
    snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", problem);
    return -1;
}

/*
 * Writes all, and on after a signal, where stdio would lose what it has in its buffer. Once a
 * write has failed nothing is written any more: a part of the file is missing there.
 */
static luapcap_cookie_count write_whole(void *cookie, const char *bytes, luapcap_cookie_size size) {
    luapcap_dumper *dumper = cookie;
    size_t done = 0;
    while (dumper->error == 0 && done < (size_t)size) {
        ssize_t n = write(dumper->fd, bytes + done, (size_t)size - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            dumper->error = n == 0 ? EIO : errno;
    }
#ifdef HAVE_LINUX
    return (luapcap_cookie_count)done;
#else
    return done < (size_t)size ? -1 : size;
#endif
}

static int close_descriptor(void *cookie) {
    luapcap_dumper *dumper = cookie;
    int status = close(dumper->fd);
    if (status != 0 && dumper->error == 0)
        dumper->error = errno;
    return status;
}

/* 0, or -1 with the errno of the first failure. */
static int outcome(const luapcap_dumper *dumper) {
    errno = dumper->error;
    return dumper->error == 0 ? 0 : -1;
}

/* The file header that libpcap writes for packets as `p` gives them, if it has one for them. */
static int make_header(pcap_t *p, uint32_t extension, uint8_t *header, char *errbuf) {
    char room[FILE_HEADER_SIZE + 1]; /* fmemopen() may add a NUL */
    uint32_t linktype;
    FILE *stream = fmemopen(room, sizeof room, "wb");
    if (stream == NULL)
        return fail(errbuf, strerror(errno));
    pcap_dumper_t *dump = pcap_dump_fopen(p, stream);
    if (dump == NULL) {
        /* What fails is the link type, and libpcap leaves the stream open then. */
        fclose(stream);
        return fail(errbuf, pcap_geterr(p));
    }
    pcap_dump_close(dump);
    memcpy(header, room, FILE_HEADER_SIZE);
    memcpy(&linktype, header + FILE_HEADER_SIZE - sizeof linktype, sizeof linktype);
    linktype |= extension;
    memcpy(header + FILE_HEADER_SIZE - sizeof linktype, &linktype, sizeof linktype);
    return 0;
}

/*
 * Begins a savefile where the descriptor stands, or `anew`, without what the file held. That goes
 * only once libpcap has taken the link type. The header is handed to the system at once: a process
 * that forks from this one has no copy of it to write.
 */
static int begin(luapcap_dumper *dumper, pcap_t *p, uint32_t extension, int anew, char *errbuf) {
    uint8_t header[FILE_HEADER_SIZE];
    if (make_header(p, extension, header, errbuf) != 0)
        return -1;
    if (anew && dumper->is_file && ftruncate(dumper->fd, 0) != 0)
        return fail(errbuf, strerror(errno));
    if (dumper->is_file)
        dumper->position = (double)lseek(dumper->fd, 0, SEEK_CUR) + FILE_HEADER_SIZE;
    fwrite(header, 1, sizeof header, dumper->stream);
    return luapcap_dumper_flush(dumper) == 0 ? 0 : fail(errbuf, strerror(errno));
}

/* Whether the records of a savefile are whole up to its end: what is added behind a piece of one
 * would be lost in it. */
static int ends_whole(const char *path, char *errbuf) {
    struct pcap_pkthdr *header;
    const u_char *data;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    FILE *stream = fd >= 0 ? fdopen(fd, "rb") : NULL;
    int status;
    if (stream == NULL) {
        fail(errbuf, strerror(errno));
        if (fd >= 0)
            close(fd);
        return 0;
    }
    pcap_t *p = pcap_fopen_offline(stream, errbuf);
    if (p == NULL) {
        fclose(stream);
        return 0;
    }
    do
        status = pcap_next_ex(p, &header, &data);
    while (status == 1);
    if (status != PCAP_ERROR_BREAK)
        fail(errbuf, pcap_geterr(p));
    pcap_close(p);
    return status == PCAP_ERROR_BREAK;
}

/* Goes on with the savefile at `path`, if pcap_dump_open_append() finds it to be of the same kind;
 * that writes nothing to a file which has a header. */
static int go_on(luapcap_dumper *dumper, pcap_t *p, const char *path, char *errbuf) {
    pcap_dumper_t *dump = pcap_dump_open_append(p, path);
    if (dump == NULL)
        return fail(errbuf, pcap_geterr(p));
    pcap_dump_close(dump);
    dumper->position = (double)lseek(dumper->fd, 0, SEEK_END);
    return ends_whole(path, errbuf) ? 0 : -1;
}

/* The dumper on its descriptor, which it takes over whatever happens. NULL with errno. */
static luapcap_dumper *new_dumper(int fd) {
    luapcap_dumper *dumper = malloc(sizeof *dumper);
    FILE *stream = NULL;
    if (dumper != NULL) {
        struct stat status;
        memset(dumper, 0, offsetof(luapcap_dumper, buffer));
        dumper->fd = fd;
        dumper->is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
        stream = luapcap_cookie(dumper, NULL, write_whole, NULL, close_descriptor);
    }
    if (stream == NULL) {
        int reason = errno;
        free(dumper);
        close(fd);
        errno = reason;
        return NULL;
    }
    dumper->stream = stream;
    setvbuf(stream, dumper->buffer, _IOFBF, STREAM_BUFFER_SIZE);
    return dumper;
}

/*
 * Writes a savefile to `fd`, which it takes over whatever happens, for packets of a link type
 * (`extension`: what a savefile's header has beside it in the same field), snapshot length and
 * precision. `path` is that of `fd`, whose old contents go; with `append` not 0 it is gone on with.
 * NULL: `fd` is written to from where it stands. Returns a dumper for luapcap_dumper_close(), or
 * NULL with a message in `errbuf`, of PCAP_ERRBUF_SIZE, and the reason, or 0, in errno.
 */
luapcap_dumper *luapcap_dumper_open(int fd, const char *path, int append, int linktype,
                                    int extension, int snaplen, unsigned int precision,
                                    char *errbuf) {
    struct stat file;
    luapcap_dumper *dumper = new_dumper(fd);
    pcap_t *p =
        dumper != NULL ? pcap_open_dead_with_tstamp_precision(linktype, snaplen, precision) : NULL;
    int status;
    if (p == NULL) {
        status = fail(errbuf, strerror(errno != 0 ? errno : ENOMEM));
    } else {
        errno = 0;
        dumper->nsec_per_unit = precision == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
        int has_header = append && dumper->is_file && fstat(fd, &file) == 0 && file.st_size > 0;
        status = has_header ? go_on(dumper, p, path, errbuf)
                            : begin(dumper, p, (uint32_t)extension, path != NULL, errbuf);
    }
    int reason = errno;
    if (p != NULL)
        pcap_close(p);
    if (status != 0 && dumper != NULL) {
        luapcap_dumper_close(dumper);
        dumper = NULL;
    }
    errno = reason;
    return dumper;
}

/*
 * Writes bytes to the stream. The first ones behind a flush are flushed where a whole number of
 * buffers ends in the file, as stdio goes on by itself: a write that starts or ends within a page
 * takes the system longer, 14 ns a packet of 100 bytes.
 */
static int put(luapcap_dumper *dumper, const void *bytes, size_t size) {
    size_t before = dumper->short_of;
    if (before > size) {
        dumper->short_of -= size;
    } else if (before > 0) {
        dumper->short_of = 0;
        if (WRITE(bytes, 1, before, dumper->stream) != before || fflush(dumper->stream) != 0)
            return 0;
        bytes = (const char *)bytes + before;
        size -= before;
    }
    return WRITE(bytes, 1, size, dumper->stream) == size;
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

    if (dumper->error != 0)
        return outcome(dumper);
    whole.header.sec = (int32_t)(int64_t)packet->sec;
    whole.header.fraction = (int32_t)(int64_t)(packet->nsec / dumper->nsec_per_unit);
    whole.header.caplen = (int32_t)packet->caplen;
    whole.header.wirelen = packet->wirelen;
    if (rest > 0 && rest <= sizeof whole.data) {
        memcpy(whole.data, packet->data, rest);
        size += rest;
        rest = 0;
    }
    dumper->position += (double)(size + rest);
    if ((!put(dumper, &whole, size) || (rest > 0 && !put(dumper, packet->data, rest))) &&
        dumper->error == 0)
        dumper->error = EIO;
    return outcome(dumper);
}

/* Hands everything written so far to the system. Returns 0, or -1 with errno when this or any
 * earlier write failed. */
int luapcap_dumper_flush(luapcap_dumper *dumper) {
    if (fflush(dumper->stream) != 0 && dumper->error == 0)
        dumper->error = EIO;
    if (dumper->is_file)
        dumper->short_of =
            (size_t)(STREAM_BUFFER_SIZE - (int64_t)dumper->position % STREAM_BUFFER_SIZE);
    return outcome(dumper);
}

/*
 * Flushes, closes and frees the dumper, which is gone whatever this returns: 0, or -1 with the
 * errno of the first failure, of the close too.
 */
int luapcap_dumper_close(luapcap_dumper *dumper) {
    if (fclose(dumper->stream) != 0 && dumper->error == 0)
        dumper->error = EIO;
    int reason = dumper->error;
    free(dumper);
    errno = reason;
    return reason == 0 ? 0 : -1;
}

/* Where in the file the next record starts, what is still in the buffer counted. -1 with errno
 * for what has no positions, as a pipe, and after a write that failed. */
double luapcap_dumper_tell(const luapcap_dumper *dumper) {
    if (outcome(dumper) != 0)
        return -1;
    if (!dumper->is_file) {
        errno = ESPIPE;
        return -1;
    }
    return dumper->position;
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
