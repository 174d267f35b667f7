/* Shares an interface's packets among captures: Linux's packet fanout. */
#include <errno.h>
#include "luapcap.h"

#ifdef HAVE_LINUX
#include "ring.h"
#include <sys/socket.h>

/* The kernel hands over a block of the ring when the block timeout ends. Its timer may be late by
 * this much. */
#define TIMER_SLACK_MS 15
/* How long to wait until a packet has just passed. */
#define GAP_SECONDS 0.001

/* Reads up to `count` packets off the ring; -1 means all that are there. Returns how many of them
 * were not there. */
static long discard(pcap_t *p, luapcap_ring *ring, long count) {
    luapcap_packet packet;
    while (count != 0 && luapcap_live_next(p, ring, &packet) == 1)
        count--;
    return count;
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

/* Takes out what the silent ring holds. What the kernel has counted until now goes into libpcap's
 * own counters. */
static int empty(pcap_t *p, luapcap_ring *ring) {
    struct pcap_stat statistics;
    discard(p, ring, -1);
    return pcap_stats(p, &statistics);
}

static int join(pcap_t *p, uint32_t argument) {
    return setsockopt(pcap_fileno(p), SOL_PACKET, PACKET_FANOUT, &argument, sizeof argument);
}

/* Whether the ring may look full while the capture joins: the other members of a group with
 * rollover get what a full ring does not take. */
static int may_look_full(const luapcap_ring *ring, uint32_t argument) {
    uint32_t kind = argument >> 16;
    return ring->blocks != NULL &&
           ((kind & PACKET_FANOUT_FLAG_ROLLOVER) != 0 || (kind & 0xff) == PACKET_FANOUT_ROLLOVER);
}

/* Lets no more packets into the ring. Those on their way into it may still come. */
static int silence(pcap_t *p, luapcap_ring *ring, uint32_t argument) {
    if (!may_look_full(ring, argument))
        return pcap_setfilter(p, &reject) == 0 ? 0 : -2;
    if (luapcap_ring_filter(p, ring, &reject) != 0)
        return -1;
    luapcap_ring_leave(ring);
    return 0;
}

/*
 * Joins with a full ring. A filter keeps private packets out, and what is in the ring is discarded.
 * The ring then looks full: in a group with rollover the other members get the packets, until the
 * capture has its own filter again. So no packet is lost, and none is seen twice.
 */
static int join_full(pcap_t *p, luapcap_ring *ring, uint32_t argument,
                     const struct bpf_program *filter) {
    empty(p, ring);
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
static int join_counting(pcap_t *p, luapcap_ring *ring, luapcap_joining *joining,
                         struct bpf_program *filter) {
    int fd = pcap_fileno(p);
    if (empty(p, ring) != 0 ||
        (filter != NULL ? pcap_setfilter(p, filter) : luapcap_accept_all(p)) != 0)
        return -2;
    double deadline = luapcap_monotonic() + GAP_SECONDS;
    long latest, before = 0;
    do {
        latest = count_new(fd);
        before += latest;
    } while (latest != 1 && luapcap_monotonic() < deadline);
    if (join(p, joining->argument) != 0)
        return -1;
    joining->surplus = discard(p, ring, before + count_new(fd));
    return 0;
}

/* A member that a thread is closing is one still, and may be of another type. Then the capture
 * tries again, so often in all. */
#define MOST_TRIES 10

static int join_now(pcap_t *p, luapcap_ring *ring, luapcap_joining *joining,
                    struct bpf_program *filter) {
    int is_closing = luapcap_closing_aside() > 0;
    int status = may_look_full(ring, joining->argument)
                     ? join_full(p, ring, joining->argument, filter)
                     : join_counting(p, ring, joining, filter);
    if (status != -1 || !is_closing || (errno != EINVAL && errno != ENOSPC) ||
        ++joining->tries == MOST_TRIES)
        return status;
    joining->step = 0;
    return 1;
}

/*
 * Does a part of joining a live capture to a fanout group, and applies `filter`, or none for NULL.
 *
 * Until the capture joins, it has a private hook for packets. The other members see what comes
 * through that hook as well. So the private packets must be discarded, all of them and no others.
 * They can be when the kernel has handed over the block that they are in.
 *
 * Returns the milliseconds after which the caller calls it again; 0 when the capture has joined; -1
 * with errno; or -2 with libpcap's message in pcap_geterr(). In all it takes the block timeout, and
 * without rollover up to as much again; more while a member of another type is being closed.
 */
int luapcap_fanout_join(pcap_t *p, luapcap_ring *ring, luapcap_joining *joining,
                        struct bpf_program *filter) {
    int handed_over = joining->block_ms + TIMER_SLACK_MS, status = 0;
    switch (joining->step++) {
    case 0:
        status = silence(p, ring, joining->argument);
        return status == 0 ? handed_over : status;
    case 1:
        status = join_now(p, ring, joining, filter);
        return status == 0 && joining->surplus > 0 ? handed_over : status;
    default:
        discard(p, ring, joining->surplus);
        return 0;
    }
}
#else
int luapcap_fanout_join(pcap_t *p, luapcap_ring *ring, luapcap_joining *joining,
                        struct bpf_program *filter) {
    (void)p, (void)ring, (void)joining, (void)filter;
    errno = ENOTSUP;
    return -1;
}
#endif
