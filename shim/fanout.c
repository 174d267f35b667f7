/* Shares an interface's packets among captures: Linux's packet fanout. */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include "luapcap.h"

#ifdef HAVE_LINUX
#include "ring.h"
#include <sys/socket.h>

/* The kernel hands over a block of the ring when the block timeout ends. Its timer may be late by
 * this much. */
#define TIMER_SLACK_MS 15
/* How long to wait until a packet has just passed. */
#define GAP_SECONDS 0.001

/* Reads up to `count` packets off the ring; -1 means all that are there. Waits up to `block_ms` for
 * the block that they are in. */
static void discard(pcap_t *p, luapcap_ring *ring, long count, int block_ms) {
    struct pollfd ready = {.fd = pcap_fileno(p), .events = POLLIN, .revents = 0};
    luapcap_packet packet;
    while (count != 0) {
        if (luapcap_live_next(p, ring, &packet) == 1)
            count--;
        else if (count < 0 || poll(&ready, 1, block_ms) <= 0)
            return;
    }
}

/* Packets in the ring that this function has not counted yet, by the kernel's count. They no longer
 * appear in pcap_stats(). */
static long count_new(int fd) {
    struct tpacket_stats_v3 stats;
    socklen_t size = sizeof stats;
    if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) != 0)
        return 0;
    return (long)stats.tp_packets - (long)stats.tp_drops;
}

/* A filter that lets no packet pass. */
static struct bpf_insn none = BPF_STMT(BPF_RET | BPF_K, 0);
static struct bpf_program reject = {.bf_len = 1, .bf_insns = &none};

/* Leaves nothing in the ring and nothing on its way into it. */
static int silence(pcap_t *p, luapcap_ring *ring, int block_ms) {
    struct pcap_stat statistics;
    if (pcap_setfilter(p, &reject) != 0)
        return -1;
    poll(NULL, 0, block_ms);
    discard(p, ring, -1, block_ms);
    /* What the kernel has counted until now goes into libpcap's own counters. */
    return pcap_stats(p, &statistics);
}

static int join(pcap_t *p, uint32_t argument) {
    return setsockopt(pcap_fileno(p), SOL_PACKET, PACKET_FANOUT, &argument, sizeof argument);
}

/*
 * Joins with a full ring. A filter keeps private packets out, and what is in the ring is discarded.
 * The ring then looks full: in a group with rollover the other members get the packets, until the
 * capture has its own filter again. So no packet is lost, and none is seen twice.
 */
static int join_full(pcap_t *p, luapcap_ring *ring, uint32_t argument,
                     const struct bpf_program *filter, int block_ms) {
    struct pcap_stat statistics;
    if (luapcap_ring_filter(p, ring, &reject) != 0)
        return -1;
    luapcap_ring_leave(ring);
    poll(NULL, 0, block_ms);
    discard(p, ring, -1, block_ms);
    pcap_stats(p, &statistics);
    int status = join(p, argument), error = errno;
    if (luapcap_ring_filter(p, ring, filter) != 0 && status == 0)
        status = -1, error = errno;
    luapcap_ring_return(ring);
    count_new(pcap_fileno(p));
    errno = error;
    return status;
}

/*
 * Joins where packets may come meanwhile, which libpcap reads or a group without rollover deals
 * out. In the ring nothing tells them from private ones. But the kernel counts what it puts there.
 *
 * First the ring is emptied and the counter brought to zero. Then the filter is set: changing it
 * later would lose packets, because libpcap rejects all for a moment. Then the capture joins. What
 * has been counted by then is what to discard.
 *
 * Joining takes two microseconds. It begins when a packet has just passed and the next is not due
 * yet. If one comes all the same, it counts as private, since the kernel changes hooks at the end
 * of the call.
 */
static int join_counting(pcap_t *p, luapcap_ring *ring, uint32_t argument,
                         struct bpf_program *filter, int block_ms) {
    int fd = pcap_fileno(p);
    if (silence(p, ring, block_ms) != 0 ||
        (filter != NULL ? pcap_setfilter(p, filter) : luapcap_accept_all(p)) != 0)
        return -2;
    double deadline = luapcap_monotonic() + GAP_SECONDS;
    long latest, before = 0;
    do {
        latest = count_new(fd);
        before += latest;
    } while (latest != 1 && luapcap_monotonic() < deadline);
    if (join(p, argument) != 0)
        return -1;
    discard(p, ring, before + count_new(fd), block_ms);
    return 0;
}

/*
 * Joins a live capture to the fanout group `argument`, and applies `filter`, or none for NULL.
 * `argument` is as PACKET_FANOUT takes it: the id in the lower half, type and flags in the upper.
 * The block timeout of the capture's ring is `block_ms`.
 *
 * Until the capture joins, it has a private hook for packets. The other members see what comes
 * through that hook as well. So the private packets must be discarded, all of them and no others.
 *
 * Returns 0; -1 with errno; or -2 with libpcap's message in pcap_geterr(). It takes the block
 * timeout, and without rollover up to as much again.
 */
int luapcap_fanout_join(pcap_t *p, luapcap_ring *ring, uint32_t argument,
                        struct bpf_program *filter, int block_ms) {
    uint32_t kind = argument >> 16;
    int has_rollover =
        (kind & PACKET_FANOUT_FLAG_ROLLOVER) != 0 || (kind & 0xff) == PACKET_FANOUT_ROLLOVER;
    block_ms += TIMER_SLACK_MS;
    if (ring->blocks != NULL && has_rollover)
        return join_full(p, ring, argument, filter, block_ms);
    return join_counting(p, ring, argument, filter, block_ms);
}
#else
int luapcap_fanout_join(pcap_t *p, luapcap_ring *ring, uint32_t argument,
                        struct bpf_program *filter, int block_ms) {
    (void)p, (void)ring, (void)argument, (void)filter, (void)block_ms;
    errno = ENOTSUP;
    return -1;
}
#endif
