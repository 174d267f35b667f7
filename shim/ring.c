/*
 * Reads a live capture's packets where the kernel has put them: in the ring of blocks that libpcap
 * has set up (TPACKET_V3, see packet_mmap in the kernel's documentation). The ring is mapped once
 * more. Libpcap's own reading would copy each packet.
 *
 * Whoever reads first reads to the end, since libpcap does not tell which block it is at. So this
 * takes the ring when the capture is opened, if it is of the common kind: Ethernet, whole packets.
 * Else libpcap reads. It is libpcap too that tells the device's errors.
 */
#include "luapcap.h"

#ifdef HAVE_LINUX
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ADDRESSES 12 /* bytes of an Ethernet header before the type, where a VLAN tag goes */
#define TAG 4
#define SLL_OFFSET TPACKET_ALIGN(sizeof(struct tpacket3_hdr))
#define FRAME_HEADER (SLL_OFFSET + sizeof(struct sockaddr_ll))

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

static int is_common(pcap_t *p, int fd) {
    return fd >= 0 && pcap_datalink(p) == DLT_EN10MB &&
           option(fd, SOL_SOCKET, SO_DOMAIN) == AF_PACKET &&
           option(fd, SOL_SOCKET, SO_TYPE) == SOCK_RAW &&
           option(fd, SOL_PACKET, PACKET_VERSION) == TPACKET_V3 &&
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
            ring->block_size = geometry.pdr_block_size;
            ring->count = geometry.pdr_block_nr;
            ring->snaplen = (uint32_t)pcap_snapshot(p);
            ring->loopback = (int32_t)if_nametoindex("lo");
            ring->unit = pcap_get_tstamp_precision(p) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
        }
    }
    errno = error;
}

/* Gives the mapping back. The ring's packets are gone. Does nothing if there is none. */
void luapcap_ring_release(luapcap_ring *ring) {
    if (ring->blocks != NULL)
        munmap(ring->blocks, (size_t)ring->block_size * ring->count);
    ring->blocks = ring->block = NULL;
    ring->left = 0;
    luapcap_ring_forget(ring);
}

static struct tpacket_block_desc *block_at(const luapcap_ring *ring) {
    return (void *)(ring->blocks + (size_t)ring->index * ring->block_size);
}

/* Gives the block that was read back to the kernel, and takes the next. Returns 0 if the kernel has
 * not handed it over yet. */
static int next_block(luapcap_ring *ring) {
    struct tpacket_block_desc *block = block_at(ring);
    if (ring->block != NULL) {
        __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        ring->block = NULL;
        ring->index = ring->index + 1 < ring->count ? ring->index + 1 : 0;
        block = block_at(ring);
    }
    if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
        return 0;
    ring->block = (uint8_t *)block;
    ring->at = ring->block + block->hdr.bh1.offset_to_first_pkt;
    ring->left = block->hdr.bh1.num_pkts;
    ring->taken++;
    if (ring->judge != NULL && ring->taken == ring->judged_until)
        luapcap_ring_forget(ring);
    return 1;
}

/* Whether libpcap would hand on a packet in this direction. Loopback shows each packet twice. */
static int is_wanted(const luapcap_ring *ring, const struct sockaddr_ll *from) {
    if (from->sll_pkttype == PACKET_OUTGOING)
        return from->sll_ifindex != ring->loopback && ring->direction != PCAP_D_IN;
    return ring->direction != PCAP_D_OUT;
}

/* Puts back the VLAN tag that the kernel has taken out. The ring has room before the packet. */
static uint8_t *put_tag(uint8_t *data, const struct tpacket3_hdr *header) {
    uint16_t tag[2] = {htons(0x8100), htons((uint16_t)header->hv1.tp_vlan_tci)};
    if (header->hv1.tp_vlan_tpid != 0 || (header->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0)
        tag[0] = htons(header->hv1.tp_vlan_tpid);
    memmove(data - TAG, data, ADDRESSES);
    memcpy(data - TAG + ADDRESSES, tag, TAG);
    return data - TAG;
}

static int is_within(const luapcap_ring *ring, const struct tpacket3_hdr *header) {
    size_t start = (size_t)((const uint8_t *)header - ring->block), size = ring->block_size;
    return start <= size - FRAME_HEADER && header->tp_mac <= size - start &&
           header->tp_snaplen <= size - start - header->tp_mac;
}

static int corrupted(pcap_t *p, const struct tpacket3_hdr *header) {
    snprintf(pcap_geterr(p), PCAP_ERRBUF_SIZE,
             "corrupted frame on kernel ring mac offset %u + caplen %u", header->tp_mac,
             header->tp_snaplen);
    return PCAP_ERROR;
}

/*
 * Reads the next packet as luapcap_next() does. Its data is valid until the next read or the
 * release, and lies in a block that the kernel does not touch until then. Returns 0 if there is
 * none: libpcap may know why.
 */
int luapcap_ring_next(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet) {
    for (;;) {
        while (ring->left == 0)
            if (!next_block(ring))
                return 0;
        const struct tpacket3_hdr *header = (const void *)ring->at;
        if (!is_within(ring, header))
            return corrupted(p, header);
        uint8_t *data = ring->at + header->tp_mac;
        ring->left--;
        ring->at += header->tp_next_offset;
        __builtin_prefetch(ring->at);
        if (!is_wanted(ring, (const void *)((const uint8_t *)header + SLL_OFFSET)) ||
            (ring->judge != NULL && !luapcap_ring_judge(ring, header)))
            continue;
        uint32_t caplen = header->tp_snaplen, wirelen = header->tp_len;
        int has_tag =
            header->hv1.tp_vlan_tci != 0 || (header->tp_status & TP_STATUS_VLAN_VALID) != 0;
        if (has_tag && caplen >= ADDRESSES) {
            data = put_tag(data, header);
            caplen += TAG;
            wirelen += TAG;
        }
        packet->data = data;
        packet->caplen = caplen < ring->snaplen ? caplen : ring->snaplen;
        packet->wirelen = wirelen;
        packet->sec = header->tp_sec;
        packet->nsec = ring->unit == 1 ? header->tp_nsec : header->tp_nsec / 1000 * 1000;
        return 1;
    }
}

/* Whether libpcap has something to tell: the descriptor shows an error, or libpcap asks to be
 * called from time to time, as it does when a device went down. */
int luapcap_ring_has_failed(pcap_t *p) {
    struct pollfd state = {.fd = pcap_fileno(p), .events = POLLIN, .revents = 0};
    return pcap_get_required_select_timeout(p) != NULL ||
           (poll(&state, 1, 0) > 0 && (state.revents & ~POLLIN) != 0);
}
#else
void luapcap_ring_take(pcap_t *p, luapcap_ring *ring) {
    (void)p, (void)ring;
}

void luapcap_ring_release(luapcap_ring *ring) {
    (void)ring;
}

int luapcap_ring_next(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet) {
    (void)p, (void)ring, (void)packet;
    return 0;
}

int luapcap_ring_has_failed(pcap_t *p) {
    (void)p;
    return 1;
}
#endif
