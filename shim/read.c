/* Packets out of libpcap, flattened; savefiles in blocks for the reader in Lua. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include "luapcap.h"

#define FILE_HEADER_SIZE 24
#define RECORD_HEADER_SIZE 16
/* libpcap's limit for most link types; the few with a larger one read such packets through it */
#define MAX_CAPLEN 262144

/*
 * Reads the next packet through libpcap into `packet`, nanoseconds whatever the handle's
 * precision. A savefile that has ended is tried again: it may have grown. Returns what
 * pcap_next_ex() does; 1 is a packet. Its data is libpcap's, valid until the next read on the
 * handle or its close.
 */
int luapcap_next(pcap_t *p, luapcap_packet *packet) {
    struct pcap_pkthdr *header;
    const u_char *data;
    FILE *file = pcap_file(p);
    if (file != NULL && feof(file))
        clearerr(file);
    int status = pcap_next_ex(p, &header, &data);
    if (status != 1)
        return status;
    packet->data = data;
    packet->caplen = header->caplen;
    packet->wirelen = header->len;
    packet->sec = (double)header->ts.tv_sec;
    packet->nsec = (double)header->ts.tv_usec;
    if (pcap_get_tstamp_precision(p) != PCAP_TSTAMP_PRECISION_NANO)
        packet->nsec *= 1000;
    return 1;
}

/* Reads `size` bytes at `offset`, as many as there are; -1 with errno on an error. */
static ssize_t read_at(int fd, void *bytes, size_t size, off_t offset) {
    size_t filled = 0;
    while (filled < size) {
        ssize_t n = pread(fd, (char *)bytes + filled, size - filled, offset + (off_t)filled);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return filled > 0 ? (ssize_t)filled : -1;
        if (n == 0)
            break;
        filled += (size_t)n;
    }
    return (ssize_t)filled;
}

/*
 * Sets up `block` for records as a file header of `p` announces them: classic pcap 2.4 in this
 * machine's byte order, whose packets libpcap hands on as they stand. Returns 1, or 0 where all
 * reading is libpcap's.
 */
int luapcap_block_understand(pcap_t *p, const void *file_header, luapcap_block *block) {
    uint32_t magic;
    int nano = pcap_get_tstamp_precision(p) == PCAP_TSTAMP_PRECISION_NANO;

    memcpy(&magic, file_header, sizeof magic);
    /* Asked of libpcap, to whom a pcapng is of version 1 even if bytes of it look like this. */
    if (pcap_major_version(p) != 2 || pcap_minor_version(p) != 4 ||
        pcap_datalink(p) == DLT_USB_LINUX_MMAPPED)
        return 0;
    if (magic == 0xa1b2c3d4) {
        block->units_per_sec = 1000000;
        block->nsec_per_unit = 1000;
    } else if (magic == 0xa1b23c4d) {
        block->units_per_sec = 1000000000;
        block->nsec_per_unit = 1;
    } else {
        return 0;
    }
    block->precision = nano ? 1 : 1000;
    block->max_caplen = pcap_snapshot(p) < MAX_CAPLEN ? pcap_snapshot(p) : MAX_CAPLEN;
    return 1;
}

/*
 * Sets up `block` for the savefile that `p` has just opened, if it is a regular file and its
 * records are plain. Returns 1 and fills everything but `bytes` and `size`, or 0 where all reading
 * is libpcap's. `fd` remains the stream's.
 */
int luapcap_block_init(pcap_t *p, luapcap_block *block) {
    uint8_t header[FILE_HEADER_SIZE];
    FILE *file = pcap_file(p);
    struct stat status;

    if (file == NULL || fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode))
        return 0;
    off_t start = ftello(file);
    if (start < FILE_HEADER_SIZE ||
        read_at(fileno(file), header, sizeof header, start - FILE_HEADER_SIZE) != sizeof header)
        return 0;
    if (!luapcap_block_understand(p, header, block))
        return 0;
    block->fd = fileno(file);
    block->offset = (double)start;
    block->pos = block->len = 0;
    return 1;
}

/*
 * Fills the block anew from the record at `pos`. Returns 1 when a whole record header is there,
 * or 0: the end of the file, a piece of a header, or a read error, all for libpcap to judge.
 */
int luapcap_block_fill(luapcap_block *block) {
    block->offset += block->pos;
    block->pos = 0;
    ssize_t n = read_at(block->fd, block->bytes, (size_t)block->size, (off_t)block->offset);
    block->len = n > 0 ? (int32_t)n : 0;
    return block->len >= RECORD_HEADER_SIZE;
}

/*
 * Lets libpcap read the record at the block's position, and moves the block to where libpcap
 * stopped. Returns as luapcap_next().
 */
int luapcap_block_hand_over(luapcap_block *block, pcap_t *p, luapcap_packet *packet) {
    FILE *file = pcap_file(p);
    if (fseeko(file, (off_t)block->offset + block->pos, SEEK_SET) != 0) {
        snprintf(pcap_geterr(p), PCAP_ERRBUF_SIZE, "error reading dump file: %s", strerror(errno));
        return PCAP_ERROR;
    }
    int status = luapcap_next(p, packet);
    off_t now = ftello(file);
    double ahead = (double)now - block->offset;
    if (now >= 0 && ahead >= 0 && ahead <= block->len) {
        block->pos = (int32_t)ahead;
    } else if (now >= 0) {
        block->offset = (double)now;
        block->pos = block->len = 0;
    }
    return status;
}

/* Runs a compiled filter over one packet with libpcap's interpreter: not 0 is a match. */
int luapcap_match(const struct bpf_program *program, const uint8_t *data, uint32_t caplen,
                  uint32_t wirelen) {
    struct pcap_pkthdr header;
    memset(&header, 0, sizeof header);
    header.caplen = caplen;
    header.len = wirelen;
    return pcap_offline_filter(program, &header, data);
}
