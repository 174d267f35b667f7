/*
 * The window: the stretch of a savefile that is in memory. A reader in Lua takes plain records off
 * it. Libpcap reads everything else through a FILE over the same bytes, so its judgement counts.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "luapcap.h"

/* The first read of a file takes only its header. So a capture that is never read costs no more. */
#define FIRST_SIZE 24
/* Sizes from 64 to 256 KB are equally fast. Smaller ones cost system calls, larger ones cache. */
#define USUAL_SIZE 131072
/* What the FILE reads at once. A seek empties its buffer, so a large one would cost copies. */
#define STREAM_BUFFER_SIZE 4096
#define MAX_SIZE INT32_MAX

struct file {
    luapcap_window window; /* first: a pointer to one is a pointer to the other */
    off_t at;              /* the FILE's position in the savefile */
    luapcap_input *input;  /* where the FILE reads more bytes if the window ends, or NULL */
    int starved;           /* the FILE wanted more bytes than there were */
    char buffer[STREAM_BUFFER_SIZE];
};

/* Makes an empty window. Returns it, or NULL with errno. The caller frees it with
 * luapcap_window_free(). If a handle has been opened on it, that handle frees it instead. */
luapcap_window *luapcap_window_new(void) {
    return calloc(1, sizeof(struct file)); /* the struct begins with its window */
}

/* Frees a window that no handle was opened on. */
void luapcap_window_free(luapcap_window *window) {
    free(window->bytes);
    free(window);
}

/* Moves the bytes from `pos` on to the front. */
static void move_to_front(luapcap_window *window) {
    if (window->pos == 0)
        return;
    window->len -= window->pos;
    if (window->len > 0)
        memmove(window->bytes, window->bytes + window->pos, (size_t)window->len);
    window->offset += window->pos;
    window->pos = 0;
}

static int resize(luapcap_window *window, size_t size) {
    uint8_t *fitting = size <= MAX_SIZE ? realloc(window->bytes, size) : NULL;
    if (fitting == NULL) {
        errno = ENOMEM;
        return -1;
    }
    window->bytes = fitting;
    window->size = (int32_t)size;
    return 0;
}

static ssize_t read_behind(luapcap_window *window, luapcap_input *input) {
    ssize_t n = luapcap_input_read(input, window->bytes + window->len,
                                   (size_t)(window->size - window->len));
    window->len += n > 0 ? (int32_t)n : 0;
    return n;
}

/*
 * Reads more bytes after those in the window, and drops those before `pos`. If possible, a piece of
 * a record is read again, because somebody may have cut the file off. A window that is full grows
 * to twice its size. So it can hold the longest record that somebody asks for. Returns 1 if there
 * are more bytes; 0 at the end for now, or at an error, which libpcap gets when it reads that far;
 * 2 if a signal came or nothing is there yet.
 */
int luapcap_window_fill(luapcap_window *window, luapcap_input *input) {
    size_t wanted = window->size == 0           ? FIRST_SIZE
                    : window->size < USUAL_SIZE ? USUAL_SIZE
                                                : (size_t)window->size;
    move_to_front(window);
    window->problem = 0;
    if (window->len == window->size && window->size >= USUAL_SIZE)
        wanted *= 2;
    if (wanted > (size_t)window->size && resize(window, wanted) != 0) {
        window->problem = errno;
        return 0;
    }
    int32_t before = window->len;
    if (luapcap_input_move(input, -window->len))
        window->len = 0;
    ssize_t n = read_behind(window, input);
    if (n > 0 && window->len == before) /* only the piece: is that the end, or an error? */
        n = read_behind(window, input);
    if (n > 0)
        return window->len > before;
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return 2;
    window->problem = n < 0 ? errno : 0;
    return 0;
}

/* Empties the window, and lets the next fill read the bytes at `offset` in the file. Returns 1, or
 * 0 if the input cannot be read again. */
int luapcap_window_seek(luapcap_window *window, luapcap_input *input, double offset) {
    if (!luapcap_input_move(input, offset - window->offset - window->len))
        return 0;
    window->offset = offset;
    window->len = window->pos = 0;
    return 1;
}

/*
 * Adds a piece after the window's bytes. Packets that point into the window are then invalid. Bytes
 * are moved only if that makes room for as many. So pieces of any size cost linear time. Returns 0,
 * or -1 with errno.
 */
int luapcap_window_add(luapcap_window *window, const void *bytes, size_t size) {
    size_t rest = (size_t)(window->len - window->pos);
    if (size > MAX_SIZE / 2 - rest) {
        errno = ENOMEM;
        return -1;
    }
    /* After a large piece the room is given back, because a reader may live long. */
    int is_spacious = window->size > USUAL_SIZE && rest + size < (size_t)window->size / 8;
    if (rest == 0 || is_spacious)
        move_to_front(window);
    size_t enough = 2 * (rest + size) > USUAL_SIZE ? 2 * (rest + size) : USUAL_SIZE;
    if (is_spacious && resize(window, enough) != 0)
        return -1;
    if ((size_t)window->len + size > (size_t)window->size) {
        size_t needed = rest + size;
        move_to_front(window);
        if (needed > (size_t)window->size / 2 &&
            resize(window, 2 * needed > FIRST_SIZE ? 2 * needed : FIRST_SIZE) != 0)
            return -1;
    }
    if (size > 0)
        memcpy(window->bytes + window->len, bytes, size);
    window->len += (int32_t)size;
    return 0;
}

/* Gives back most of the memory of a window that has no unread bytes. */
void luapcap_window_rest(luapcap_window *window) {
    if (window->pos == window->len && window->size > FIRST_SIZE) {
        move_to_front(window);
        resize(window, FIRST_SIZE);
    }
}

/* Reads more bytes. Waits for them, and goes on after signals. */
static int fill_whatever_comes(luapcap_window *window, luapcap_input *input) {
    struct pollfd ready = {.fd = luapcap_input_fileno(input), .events = POLLIN, .revents = 0};
    int status;
    while ((status = luapcap_window_fill(window, input)) == 2)
        if (errno != EINTR)
            poll(&ready, 1, -1);
    return status;
}

static luapcap_cookie_count read_window(void *cookie, char *out, luapcap_cookie_size size) {
    struct file *file = cookie;
    luapcap_window *window = &file->window;
    off_t start = file->at - (off_t)window->offset;
    if (start == window->len && file->input != NULL) {
        fill_whatever_comes(window, file->input);
        start = file->at - (off_t)window->offset;
    }
    if (start < 0 || start > window->len) {
        errno = ESPIPE;
        return -1;
    }
    size_t rest = (size_t)(window->len - start);
    if (rest == 0)
        file->starved = 1;
    if (rest == 0 && window->problem != 0) {
        errno = window->problem;
        return -1;
    }
    size_t n = (size_t)size < rest ? (size_t)size : rest;
    if (n > 0) /* if there are no bytes, window->bytes may be NULL */
        memcpy(out, window->bytes + start, n);
    file->at += (off_t)n;
    return (luapcap_cookie_count)n;
}

static off_t seek_window(struct file *file, off_t offset, int whence) {
    if (whence == SEEK_END) {
        errno = EINVAL;
        return -1;
    }
    file->at = whence == SEEK_CUR ? file->at + offset : offset;
    return file->at;
}

static int close_window(void *cookie) {
    luapcap_window_free(cookie);
    return 0;
}

#ifdef HAVE_LINUX
static int seek_cookie(void *cookie, off_t *offset, int whence) {
    off_t at = seek_window(cookie, *offset, whence);
    *offset = at;
    return at < 0 ? -1 : 0;
}
#else
static off_t seek_cookie(void *cookie, off_t offset, int whence) {
    return seek_window(cookie, offset, whence);
}
#endif

/*
 * Opens the savefile whose first bytes the window has, and moves the window past the file header.
 * It takes the window over, even if it fails. At the end of the window, libpcap finds the file's
 * end. With `input`, it reads on from there instead; `input` must live as long as the handle.
 * Returns a handle. The caller closes it with pcap_close(), which also frees the window. Or returns
 * NULL with a message in `errbuf`, of PCAP_ERRBUF_SIZE.
 */
pcap_t *luapcap_window_open(luapcap_window *window, luapcap_input *input, unsigned int precision,
                            char *errbuf) {
    struct file *file = (struct file *)window;
    errbuf[0] = '\0';
    file->at = (off_t)window->offset + window->pos;
    file->input = input;
    FILE *stream = luapcap_cookie(file, read_window, NULL, seek_cookie, close_window);
    if (stream == NULL) {
        snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s", strerror(errno));
        luapcap_window_free(window);
        return NULL;
    }
    setvbuf(stream, file->buffer, _IOFBF, sizeof file->buffer);
    pcap_t *p = pcap_fopen_offline_with_tstamp_precision(stream, precision, errbuf);
    if (p == NULL) {
        fclose(stream);
        return NULL;
    }
    window->pos = (int32_t)(ftello(stream) - (off_t)window->offset);
    return p;
}

/*
 * Lets libpcap read the packet at the window's position, and moves the window to where libpcap
 * stopped. If the bytes end before the packet does, the window stays, so that a growing file can be
 * tried again. Returns as luapcap_next().
 */
int luapcap_window_next(luapcap_window *window, pcap_t *p, luapcap_packet *packet) {
    struct file *file = (struct file *)window;
    FILE *stream = pcap_file(p);
    file->starved = 0;
    clearerr(stream);
    if (fseeko(stream, (off_t)window->offset + window->pos, SEEK_SET) != 0) {
        snprintf(pcap_geterr(p), PCAP_ERRBUF_SIZE, "error reading dump file: %s", strerror(errno));
        return PCAP_ERROR;
    }
    int status = luapcap_next(p, packet);
    if (status == 1 || !file->starved)
        window->pos = (int32_t)(ftello(stream) - (off_t)window->offset);
    return status;
}
