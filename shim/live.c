/* A live capture: what it counts, and what only some systems have. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "luapcap.h"

/* Keeps a descriptor out of programs that this one starts. -1 is no descriptor. Returns 0, or -1
 * with errno. */
static int close_on_exec(int fd) {
    return fd < 0 ? 0 : fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/*
 * Creates a handle as pcap_create() does. The caller frees it. On Linux libpcap opens an eventfd
 * for it and does not tell the descriptor: it is the lowest that was free.
 */
pcap_t *luapcap_create(const char *device, char *errbuf) {
#ifdef HAVE_LINUX
    static const char kind[] = "anon_inode:[eventfd]";
    char path[32], target[sizeof kind];
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        fd = open("/", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    pcap_t *p = pcap_create(device, errbuf);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (p != NULL && fd >= 0 && readlink(path, target, sizeof target) == sizeof kind - 1 &&
        memcmp(target, kind, sizeof kind - 1) == 0)
        close_on_exec(fd);
    return p;
#else
    return pcap_create(device, errbuf);
#endif
}

/* Keeps an active capture's descriptors out of the programs that this process becomes or starts.
 * Returns 0, or -1 with errno. */
int luapcap_close_on_exec(pcap_t *p) {
    return close_on_exec(pcap_fileno(p)) != 0 ? -1 : close_on_exec(pcap_get_selectable_fd(p));
}

/*
 * Reads the next packet as luapcap_next() does, from a capture that does not block, and from its
 * ring if it has one. If there is no packet, libpcap's modules for netlink, D-Bus and others report
 * an error. This returns 0 then. To look for a failure takes a system call. So a ring that has just
 * been read to its end is only empty, and the next read looks: a wait does not hold it up, because
 * a descriptor with an error is ready.
 */
int luapcap_live_next(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet) {
    if (luapcap_ring_pop(ring, packet))
        return 1;
    if (ring->blocks != NULL) {
        int status = luapcap_ring_next(p, ring, packet);
        if (status != 0)
            return status;
        int is_just_empty = ring->empty_at != ring->taken;
        ring->empty_at = ring->taken;
        if (is_just_empty || !luapcap_ring_has_failed(p))
            return 0;
    }
    errno = 0;
    int status = luapcap_next(p, packet);
    ring->may_have_more = status == 1;
    if (status == 1) {
        luapcap_ring_release(ring); /* packets came after an error: libpcap goes on from here */
        packet->interface = 1;
        packet->flags = 0;
    }
    if (status != PCAP_ERROR || (errno != EAGAIN && errno != EWOULDBLOCK))
        return status;
    const char *message = pcap_geterr(p), *reason = strerror(errno);
    size_t length = strlen(message), end = strlen(reason);
    return length >= end && strcmp(message + length - end, reason) == 0 ? 0 : status;
}

/*
 * Rests `rest` seconds, so that packets come together. Then reads the next packet as
 * luapcap_live_next() does. If there is none, it waits for one, `timeout` seconds at the most. It
 * holds no signal back: one that comes during a wait ends that. Returns 0 also if it cannot wait.
 */
int luapcap_live_next_within(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet, double rest,
                             double timeout) {
    luapcap_signals none_held = {.held = 0};
    if (rest > 0) {
        luapcap_wait_fd(-1, rest, &none_held);
        int status = luapcap_live_next(p, ring, packet);
        if (status != 0)
            return status;
    }
    return luapcap_wait(p, timeout, &none_held) == 1 ? luapcap_live_next(p, ring, packet) : 0;
}

/*
 * Returns how many instructions the filter has that the kernel runs for a capture: 0 if there is no
 * filter, -1 if that is unknown. Libpcap reports a filter as set even if the kernel has refused it.
 */
int luapcap_kernel_filter(pcap_t *p) {
#ifdef HAVE_LINUX
    socklen_t count = 0;
    int fd = pcap_fileno(p);
    if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &count) == 0)
        return (int)count;
#else
    (void)p;
#endif
    return -1;
}

/* Makes the kernel take all packets of a capture. Returns as pcap_setfilter(). */
int luapcap_accept_all(pcap_t *p) {
    struct bpf_insn all = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
    struct bpf_program program = {.bf_len = 1, .bf_insns = &all};
    return pcap_setfilter(p, &program);
}

/* Counts on to what a counter of 32 bits shows. It must not have wrapped more than once. */
static double count_on(double count, uint32_t now) {
    uint32_t before = (uint32_t)(uint64_t)count;
    return count + (uint32_t)(now - before);
}

/* Counts on in `stat` to what libpcap's counters show. `stat` begins with zeros. */
void luapcap_count_on(luapcap_stat *stat, uint32_t received, uint32_t dropped,
                      uint32_t if_dropped) {
    stat->received = count_on(stat->received, received);
    stat->dropped = count_on(stat->dropped, dropped);
    stat->if_dropped = count_on(stat->if_dropped, if_dropped);
}

/*
 * Puts into `stat` what was counted since the capture began. `stat` belongs to this capture alone
 * and begins with zeros. Libpcap's counters start again at 2^32. The counts here are right if this
 * is called at least once in 2^32 packets. Returns 0, or PCAP_ERROR with pcap_geterr().
 */
int luapcap_stats(pcap_t *p, luapcap_stat *stat) {
    struct pcap_stat counted = {0};
    int status = pcap_stats(p, &counted);
    if (status == 0)
        luapcap_count_on(stat, counted.ps_recv, counted.ps_drop, counted.ps_ifdrop);
    return status;
}

/*
 * Closes a handle that will not be activated. On Linux libpcap (1.10.3) leaves an eventfd open
 * unless somebody has at least tried to activate the handle.
 */
void luapcap_discard(pcap_t *p) {
    /* With a newer libpcap the compiler warns if the result is dropped. */
    int status = pcap_activate(p);
    (void)status;
    pcap_close(p);
}

/*
 * Makes a handle that is not yet activated capture one Ethernet type only. Only Linux can do this.
 * Returns 0, or an error number of libpcap's. On other systems pcap_geterr() then says so: it gives
 * its own buffer, to which this writes.
 */
int luapcap_set_protocol(pcap_t *p, int protocol) {
#ifdef HAVE_LINUX
    return pcap_set_protocol_linux(p, protocol);
#else
    (void)protocol;
    snprintf(pcap_geterr(p), PCAP_ERRBUF_SIZE, "only Linux captures by protocol");
    return PCAP_ERROR;
#endif
}
