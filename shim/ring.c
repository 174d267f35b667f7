/*
 * Takes a live capture's ring, so that packets are read where the kernel has put them. Libpcap has
 * set it up (TPACKET_V2 for immediate mode, else TPACKET_V3, see packet_mmap in the kernel's
 * documentation). The ring is mapped once more. Libpcap's own reading would copy each packet.
 *
 * Whoever reads first reads to the end, since libpcap does not tell which block it is at. So this
 * takes the ring when the capture is opened, if it is of a common kind: Ethernet, IP or "any".
 * Else libpcap reads. It is libpcap too that tells the device's errors.
 */
#include "luapcap.h"

#ifdef HAVE_LINUX
#include <errno.h>
#include <linux/netlink.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ring.h"

#define ADDRESSES 12 /* bytes of an Ethernet header before the type, where a VLAN tag goes */

/* Looks for the ring of the socket `inode` in one message of packet_diag. Returns 1 if it is there.
 */
static int find_ring(const struct nlmsghdr *message, uint32_t inode,
                     struct packet_diag_ring *geometry) {
    const struct packet_diag_msg *socket = NLMSG_DATA(message);
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof *socket) || socket->pdiag_ino != inode)
        return 0;
    const char *at = (const char *)socket + NLMSG_ALIGN(sizeof *socket);
    const char *end = (const char *)message + message->nlmsg_len;
    while (end - at >= (long)sizeof(struct nlattr)) {
        struct nlattr attribute;
        memcpy(&attribute, at, sizeof attribute);
        if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > end - at)
            return 0;
        if (attribute.nla_type == PACKET_DIAG_RX_RING &&
            attribute.nla_len >= NLA_HDRLEN + sizeof *geometry) {
            memcpy(geometry, at + NLA_HDRLEN, sizeof *geometry);
            return 1;
        }
        at += NLA_ALIGN(attribute.nla_len) < end - at ? NLA_ALIGN(attribute.nla_len) : end - at;
    }
    return 0;
}

/* Asks the kernel for the ring of the socket `inode`. Returns 1 if it tells. */
static int ask_for_ring(int netlink, uint32_t inode, struct packet_diag_ring *geometry) {
    struct {
        struct nlmsghdr header;
        struct packet_diag_req body;
    } request = {
        {.nlmsg_len = sizeof request,
         .nlmsg_type = SOCK_DIAG_BY_FAMILY,
         .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        {.sdiag_family = AF_PACKET, .pdiag_show = PACKET_SHOW_RING_CFG},
    };
    _Alignas(struct nlmsghdr) char answer[16384];
    if (send(netlink, &request, sizeof request, 0) != sizeof request)
        return 0;
    for (;;) {
        ssize_t length = recv(netlink, answer, sizeof answer, 0);
        if (length <= 0)
            return 0;
        int rest = (int)length;
        for (struct nlmsghdr *it = (void *)answer; NLMSG_OK(it, (unsigned)rest);
             it = NLMSG_NEXT(it, rest)) {
            if (it->nlmsg_type == NLMSG_DONE || it->nlmsg_type == NLMSG_ERROR)
                return 0;
            if (find_ring(it, inode, geometry))
                return 1;
        }
    }
}

static int has_ring(int fd, struct packet_diag_ring *geometry) {
    struct stat status;
    struct timeval limit = {.tv_sec = 1};
    if (fstat(fd, &status) != 0)
        return 0;
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return 0;
    int found = setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
                ask_for_ring(netlink, (uint32_t)status.st_ino, geometry);
    close(netlink);
    return found;
}

/* An option of the socket that is a number, or -1. */
static int option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

/* The interface that a socket hears; 0 for all of them. */
static int32_t interface_of(int fd) {
    struct sockaddr_ll address = {.sll_ifindex = 0};
    socklen_t size = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &size);
    return address.sll_ifindex;
}

/* Whether libpcap hands on the packets of a socket as luapcap_ring_next() does. */
static int is_known_kind(int linktype, int kind) {
    return kind == SOCK_DGRAM ? linktype == DLT_LINUX_SLL || linktype == DLT_LINUX_SLL2
                              : linktype == DLT_EN10MB || linktype == DLT_RAW;
}

static int is_common(pcap_t *p, int fd) {
    return fd >= 0 && option(fd, SOL_SOCKET, SO_DOMAIN) == AF_PACKET &&
           is_known_kind(pcap_datalink(p), option(fd, SOL_SOCKET, SO_TYPE)) &&
           option(fd, SOL_PACKET, PACKET_VERSION) >= TPACKET_V2 &&
           option(fd, SOL_PACKET, PACKET_RESERVE) >= TAG;
}

/*
 * Takes the ring of an active capture that nothing was read from yet. `ring` is all zeros before.
 * If the ring is of another kind, or the kernel does not tell its size, `ring` stays as it is.
 */
void luapcap_ring_take(pcap_t *p, luapcap_ring *ring) {
    struct packet_diag_ring geometry;
    int fd = pcap_fileno(p), error = errno;
    if (is_common(p, fd) && has_ring(fd, &geometry)) {
        size_t size = (size_t)geometry.pdr_block_size * geometry.pdr_block_nr;
        void *blocks = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (blocks != MAP_FAILED) {
            ring->blocks = blocks;
            ring->size = (double)size;
            ring->block_size = geometry.pdr_block_size;
            ring->has_frames = option(fd, SOL_PACKET, PACKET_VERSION) == TPACKET_V2;
            ring->unit_size = ring->has_frames ? geometry.pdr_frame_size : ring->block_size;
            ring->per_block = ring->block_size / ring->unit_size;
            ring->count = ring->per_block * geometry.pdr_block_nr;
            ring->snaplen = (uint32_t)pcap_snapshot(p);
            ring->tag_at = pcap_datalink(p) == DLT_EN10MB ? ADDRESSES : 0;
            ring->is_cooked = option(fd, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM;
            ring->interface = interface_of(fd);
            ring->loopback = (int32_t)if_nametoindex("lo");
            ring->time_unit = pcap_get_tstamp_precision(p) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
        }
    }
    errno = error;
}

/* Sets which packets are wanted: a pcap_direction_t. A run was for those wanted before. */
void luapcap_ring_set_direction(luapcap_ring *ring, int direction) {
    ring->direction = direction;
    luapcap_ring_end_run(ring);
}

/* Gives the mapping back. The ring's packets are gone. Does nothing if there is none. */
void luapcap_ring_release(luapcap_ring *ring) {
    if (ring->blocks != NULL)
        munmap(ring->blocks, (size_t)ring->size);
    ring->blocks = ring->taken_at = NULL;
    ring->left = 0;
    ring->run = 0;
    if (ring->longest_stay > 0)
        ring->rest = 0;
    luapcap_ring_forget(ring);
}

/* Frees what the ring knows, too. */
void luapcap_ring_free(luapcap_ring *ring) {
    luapcap_ring_release(ring);
    free(ring->indexes);
    ring->indexes = NULL;
    ring->known = 0;
}
#else
void luapcap_ring_take(pcap_t *p, luapcap_ring *ring) {
    (void)p, (void)ring;
}

void luapcap_ring_set_direction(luapcap_ring *ring, int direction) {
    (void)ring, (void)direction;
}

void luapcap_ring_release(luapcap_ring *ring) {
    (void)ring;
}

void luapcap_ring_free(luapcap_ring *ring) {
    (void)ring;
}
#endif
