/*
 * A savefile that arrives in pieces. Its bytes wait in a block; the plain records are taken off
 * that in Lua, and all else is read by libpcap, through an unbuffered stream that gives it the
 * same bytes. Where they run out within a record, libpcap's attempt is undone, to be made again
 * once there are as many as it asked for: all judging is libpcap's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "luapcap.h"

#define FILE_HEADER_SIZE 24
#define MAX_SIZE INT32_MAX

struct luapcap_feed {
    FILE *file; /* until libpcap has taken it over */
    uint8_t *bytes;
    size_t size;
    /* for libpcap's reads, while one is made: */
    size_t pos, len;
    size_t wanted; /* where the bytes that it asked for would end */
    int starved, finished;
};

static luapcap_cookie_count feed_read(void *cookie, char *out, luapcap_cookie_size wish) {
    luapcap_feed *feed = cookie;
    size_t size = (size_t)wish;
    size_t rest = feed->len - feed->pos;
    if (size > rest) {
        feed->starved = !feed->finished;
        feed->wanted = feed->pos + size;
        size = rest;
    }
    memcpy(out, feed->bytes + feed->pos, size);
    feed->pos += size;
    return (luapcap_cookie_count)size;
}

/* A new, empty feed for luapcap_feed_free(), or NULL with errno. */
luapcap_feed *luapcap_feed_new(void) {
    luapcap_feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL)
        return NULL;
    feed->bytes = malloc(1);
    feed->file = luapcap_cookie(feed, feed_read, NULL, NULL);
    if (feed->bytes == NULL || feed->file == NULL) {
        luapcap_feed_free(feed);
        return NULL;
    }
    setvbuf(feed->file, NULL, _IONBF, 0);
    return feed;
}

/* Frees the feed and its bytes. A handle that was opened on it is only good for pcap_close(). */
void luapcap_feed_free(luapcap_feed *feed) {
    if (feed->file != NULL)
        fclose(feed->file);
    free(feed->bytes);
    free(feed);
}

/*
 * Adds a piece behind what the block has left, which moves to its front: packets that point into
 * the block are gone. Returns 0, or -1 with errno.
 */
int luapcap_feed_add(luapcap_feed *feed, luapcap_block *block, const void *bytes, size_t size) {
    size_t rest = (size_t)(block->len - block->pos);
    if (size > MAX_SIZE - rest) {
        errno = ENOMEM;
        return -1;
    }
    if (rest > 0)
        memmove(feed->bytes, feed->bytes + block->pos, rest);
    feed->wanted = feed->wanted > (size_t)block->pos ? feed->wanted - (size_t)block->pos : 0;
    block->pos = 0;
    block->len = (int32_t)rest;
    /* After a large piece the room is given back: a reader may live long. */
    if (rest + size > feed->size || rest + size < feed->size / 4) {
        uint8_t *fitting = realloc(feed->bytes, rest + size + 1);
        if (fitting == NULL)
            return -1;
        feed->bytes = fitting;
        feed->size = rest + size;
    }
    if (size > 0)
        memcpy(feed->bytes + rest, bytes, size);
    block->bytes = feed->bytes;
    block->len = (int32_t)(rest + size);
    return 0;
}

/* No more will come: what ends here ends as a file would. */
void luapcap_feed_finish(luapcap_feed *feed) {
    feed->finished = 1;
}

/* Lets libpcap read from the block's position. Returns whether there is anything to try with. */
static int begin(luapcap_feed *feed, const luapcap_block *block) {
    feed->pos = (size_t)block->pos;
    feed->len = (size_t)block->len;
    feed->starved = 0;
    return feed->finished || (feed->len > feed->pos && feed->len >= feed->wanted);
}

/*
 * Opens the feed with its file header. Returns a handle, which pcap_close() closes, with `block`
 * set up for luapcap_feed_next(). Returns NULL with a message in `errbuf`, of PCAP_ERRBUF_SIZE,
 * which is "" where it only takes more bytes.
 */
pcap_t *luapcap_feed_open(luapcap_feed *feed, luapcap_block *block, unsigned int precision,
                          char *errbuf) {
    errbuf[0] = '\0';
    if (!begin(feed, block))
        return NULL;
    /* Libpcap keeps count of what it has read of this one: its attempts cannot be undone. */
    if (feed->len >= 4 && memcmp(feed->bytes, "\n\r\r\n", 4) == 0) {
        snprintf(errbuf, PCAP_ERRBUF_SIZE, "pcapng cannot be read in pieces");
        return NULL;
    }
    clearerr(feed->file);
    pcap_t *p = pcap_fopen_offline_with_tstamp_precision(feed->file, precision, errbuf);
    if (p == NULL) {
        if (feed->starved)
            errbuf[0] = '\0';
        return NULL;
    }
    feed->file = NULL;
    /* Left at 0, the largest caplen lets no record through but to libpcap. */
    block->max_caplen = 0;
    luapcap_block_understand(p, feed->bytes, block);
    block->pos = (int32_t)feed->pos;
    return p;
}

/*
 * Lets libpcap read the record at the block's position, and moves the block to where it stopped.
 * Returns as luapcap_next(); 0 is that it takes more bytes.
 */
int luapcap_feed_next(luapcap_feed *feed, luapcap_block *block, pcap_t *p, luapcap_packet *packet) {
    if (!begin(feed, block))
        return 0;
    int status = luapcap_next(p, packet);
    if (feed->starved)
        return 0;
    block->pos = (int32_t)feed->pos;
    feed->wanted = 0;
    return status;
}
