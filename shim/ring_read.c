/*
 * Walks a live capture's ring, which ring.c has taken. Each packet stays where it is until the next
 * read, and the kernel does not touch it until then.
 */
#include "luapcap.h"

#ifdef HAVE_LINUX
#include <arpa/inet.h>
#include <pcap/sll.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "ring.h"

#define CAN 0x000c /* protocols of a cooked header */
#define CAN_FD 0x000d
/* Packets from the one that is read to the one that is fetched into the processor's cache. */
#define AHEAD 32
/* Packets in a run at the most. */
#define LONGEST_RUN 32

/* When packets come fast, the reader rests, so that one wake-up is for several blocks. Packets come
 * fast if they fill a quarter of a block before the kernel hands it over. A rest uses an eighth of
 * the ring at the most: packets may suddenly come 8 times as fast. */
#define FAST 4
#define ROOM 8

enum { CAME_IN = 1, WENT_OUT = 2 }; /* flags of luapcap_packet */

/* What is read of a header, and where the sender's address follows it. */
#define ADDRESS_AFTER(header) TPACKET_ALIGN(sizeof *(header))
#define SIZE_OF(header) (ADDRESS_AFTER(header) + sizeof(struct sockaddr_ll))

/* Gives what was read back to the kernel, and takes the next frame or block. `status` is where both
 * kinds have theirs. Returns 0 if the kernel has not handed it over yet. */
static int next_unit(luapcap_ring *ring, size_t status) {
    if (ring->taken_at != NULL) {
        __atomic_store_n((uint32_t *)(ring->taken_at + status),
                         ring->is_left ? LEFT : TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        ring->taken_at = NULL;
        ring->index = ring->index + 1 < ring->count ? ring->index + 1 : 0;
    }
    uint8_t *next = luapcap_ring_unit(ring, ring->index);
    if (!luapcap_ring_is_ready(__atomic_load_n((uint32_t *)(next + status), __ATOMIC_ACQUIRE)))
        return 0;
    ring->taken_at = next;
    ring->taken++;
    if (ring->judge != NULL && ring->taken == ring->judged_until)
        luapcap_ring_forget(ring);
    return 1;
}

static int fail(pcap_t *p, unsigned mac, unsigned size) {
    snprintf(pcap_geterr(p), PCAP_ERRBUF_SIZE,
             "the ring is damaged: a packet of %u bytes begins at %u", size, mac);
    return PCAP_ERROR;
}

/* Whether a packet that starts at `start` in its unit lies within that. */
static int is_within(const luapcap_ring *ring, size_t start, size_t header, size_t mac,
                     size_t size) {
    return start <= ring->unit_size && header <= ring->unit_size - start &&
           mac <= ring->unit_size - start && size <= ring->unit_size - start - mac;
}

/* Both headers have these fields, by the same names. The tag's are in a part of their own in one.
 */
#define FRAME(header, tag)                                                                         \
    (luapcap_frame) {                                                                              \
        .data = (uint8_t *)(header) + (header)->tp_mac,                                            \
        .from = (const void *)((uint8_t *)(header) + ADDRESS_AFTER(header)),                       \
        .caplen = (header)->tp_snaplen, .wirelen = (header)->tp_len, .sec = (header)->tp_sec,      \
        .nsec = (header)->tp_nsec, .status = (header)->tp_status,                                  \
        .vlan_tci = (uint16_t)(tag)->tp_vlan_tci, .vlan_tpid = (tag)->tp_vlan_tpid,                \
    }

static int is_can(const struct sockaddr_ll *from) {
    uint16_t protocol = ntohs(from->sll_protocol);
    return protocol == CAN || protocol == CAN_FD;
}

/* Whether libpcap would hand on a packet in this direction. Loopback and CAN show each packet
 * twice. */
static int is_wanted(const luapcap_ring *ring, const struct sockaddr_ll *from) {
    if (from->sll_pkttype == PACKET_OUTGOING)
        return from->sll_ifindex != ring->loopback && ring->direction != PCAP_D_IN &&
               (ring->direction == PCAP_D_OUT || !is_can(from));
    return ring->direction != PCAP_D_OUT;
}

/* The ring's judge. It gets a copy, so that the frame itself may stay in registers. */
static int passes(const luapcap_ring *ring, luapcap_frame frame) {
    return luapcap_ring_judge(ring, &frame);
}

/* Puts back the VLAN tag that the kernel has taken out. The ring has room before the packet. */
static void put_tag(luapcap_packet *packet, uint8_t *data, uint32_t offset, const uint16_t tag[2]) {
    memmove(data - TAG, data, offset);
    memcpy(data - TAG + offset, tag, TAG);
    packet->data = data - TAG;
    packet->caplen += TAG;
    packet->wirelen += TAG;
}

/* Makes a packet of a frame that is wanted. A tag goes to `tag_at`, or nowhere if that is 0. */
static inline void fill(const luapcap_ring *ring, luapcap_packet *packet, luapcap_frame frame,
                        uint32_t tag_at) {
    packet->data = frame.data;
    packet->caplen = frame.caplen;
    packet->wirelen = frame.wirelen;
    packet->sec = frame.sec;
    packet->nsec = ring->time_unit == 1 ? frame.nsec : frame.nsec / 1000 * 1000;
    packet->flags = frame.from->sll_pkttype == PACKET_OUTGOING ? WENT_OUT : CAME_IN;
    if ((frame.vlan_tci != 0 || (frame.status & TP_STATUS_VLAN_VALID) != 0) && tag_at > 0 &&
        frame.caplen >= tag_at) {
        int has_tpid = frame.vlan_tpid != 0 || (frame.status & TP_STATUS_VLAN_TPID_VALID) != 0;
        put_tag(packet, frame.data, tag_at,
                (uint16_t[]){htons(has_tpid ? frame.vlan_tpid : 0x8100), htons(frame.vlan_tci)});
    }
    if (packet->caplen > ring->snaplen)
        packet->caplen = ring->snaplen;
}

/* Makes a packet with a cooked header. Returns 1, or PCAP_ERROR if there is no room for the header.
 * It is not inline, so that the frames of others may stay in registers. */
__attribute__((noinline)) static int cook(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet,
                                          luapcap_frame frame) {
    int linktype = pcap_datalink(p);
    if (!luapcap_ring_cook(&frame, linktype))
        return fail(p, (unsigned)(frame.data - (const uint8_t *)frame.from), frame.caplen);
    if (ring->interface == 0)
        packet->interface = luapcap_ring_number(ring, frame.from->sll_ifindex);
    fill(ring, packet, frame,
         linktype == DLT_LINUX_SLL ? offsetof(struct sll_header, sll_protocol) : 0);
    return 1;
}

/* Makes a packet of a frame. Returns 1; 0 if libpcap would not hand it on; or PCAP_ERROR. A call
 * would pass the frame through memory, which takes as long as the rest. */
__attribute__((always_inline)) static inline int take(pcap_t *p, luapcap_ring *ring,
                                                      luapcap_packet *packet, luapcap_frame frame) {
    if (!is_wanted(ring, frame.from) || (ring->judge != NULL && !passes(ring, frame)))
        return 0;
    if (ring->is_cooked)
        return cook(p, ring, packet, frame);
    fill(ring, packet, frame, ring->tag_at);
    return 1;
}

/* How long the reader rests, by how fast packets have come in a block. A rest that is over before
 * the next block is full would only be one more wake-up. If the next block should have been full by
 * now, packets have become slow. Times of another clock than the system's look like that too. */
static double rest_after(const luapcap_ring *ring, const struct tpacket_hdr_v1 *block) {
    const struct tpacket3_hdr *first = (const void *)ring->at;
    struct timespec now;
    if (!is_within(ring, block->offset_to_first_pkt, SIZE_OF(first), 0, 0))
        return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    double last = block->ts_last_pkt.ts_sec + block->ts_last_pkt.ts_nsec / 1e9;
    double filled_in = last - (first->tp_sec + first->tp_nsec / 1e9);
    double age = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - last;
    double until_late = ring->longest_stay - filled_in;
    double has_room_for = filled_in * ring->size / ROOM / block->blk_len;
    double rest = until_late < has_room_for ? until_late : has_room_for;
    int is_fast = block->blk_len >= ring->block_size / FAST && filled_in >= 0 && age <= filled_in;
    return is_fast && rest > filled_in ? rest : 0;
}

static inline void fetch_ahead(const struct tpacket3_hdr *header) {
    const uint8_t *ahead = (const uint8_t *)header + (size_t)(AHEAD + 1) * header->tp_next_offset;
    __builtin_prefetch(ahead);
    __builtin_prefetch(ahead + 64);
}

static inline int is_whole(const luapcap_ring *ring, const struct tpacket3_hdr *header) {
    size_t start = (size_t)((const uint8_t *)header - ring->taken_at);
    return is_within(ring, start, SIZE_OF(header), 0, 0) &&
           is_within(ring, start, SIZE_OF(header), header->tp_mac, header->tp_snaplen);
}

/* Whether libpcap would hand on a packet as it stands in the ring. */
static inline int is_plain(const luapcap_ring *ring, const struct tpacket3_hdr *header) {
    const struct sockaddr_ll *from =
        (const void *)((const uint8_t *)header + ADDRESS_AFTER(header));
    return header->hv1.tp_vlan_tci == 0 && (header->tp_status & TP_STATUS_VLAN_VALID) == 0 &&
           header->tp_snaplen <= ring->snaplen && from->sll_pkttype <= PACKET_OUTGOING &&
           is_wanted(ring, from);
}

/* Counts the next packets that are whole and plain. They are a run. */
static uint32_t count_run(const luapcap_ring *ring) {
    uint32_t most = ring->left < LONGEST_RUN ? ring->left : LONGEST_RUN, count = 0;
    const uint8_t *at = ring->at;
    if (ring->judge != NULL || ring->is_cooked)
        return 0;
    while (count < most) {
        const struct tpacket3_hdr *header = (const void *)at;
        if (!is_whole(ring, header) || !is_plain(ring, header))
            break;
        fetch_ahead(header);
        at += header->tp_next_offset;
        count++;
    }
    return count;
}

/* Takes the next packet of a run. Returns 0 if there is none. */
int luapcap_ring_pop(luapcap_ring *ring, luapcap_packet *packet) {
    if (ring->run == 0)
        return 0;
    struct tpacket3_hdr *header = (void *)ring->at;
    ring->run--;
    ring->at += header->tp_next_offset;
    fill(ring, packet, FRAME(header, &header->hv1), 0);
    return 1;
}

/* The next packet of a ring of blocks, each of which holds many. There is no run. */
static int next_in_block(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet) {
    for (;;) {
        while (ring->left == 0) {
            if (!next_unit(ring, BLOCK_STATUS))
                return 0;
            const struct tpacket_block_desc *block = (const void *)ring->taken_at;
            ring->at = ring->taken_at + block->hdr.bh1.offset_to_first_pkt;
            ring->left = block->hdr.bh1.num_pkts;
            if (ring->longest_stay > 0)
                ring->rest = rest_after(ring, &block->hdr.bh1);
        }
        ring->run = count_run(ring);
        ring->left -= ring->run;
        if (luapcap_ring_pop(ring, packet))
            return 1;
        struct tpacket3_hdr *header = (void *)ring->at;
        if (!is_whole(ring, header))
            return fail(p, header->tp_mac, header->tp_snaplen);
        ring->left--;
        fetch_ahead(header);
        ring->at += header->tp_next_offset;
        int status = take(p, ring, packet, FRAME(header, &header->hv1));
        if (status != 0)
            return status;
    }
}

/* The next packet of a ring of frames, each of which holds one: immediate mode. */
static int next_in_frame(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet) {
    while (next_unit(ring, FRAME_STATUS)) {
        struct tpacket2_hdr *header = (void *)ring->taken_at;
        if (!is_within(ring, 0, SIZE_OF(header), header->tp_mac, header->tp_snaplen))
            return fail(p, header->tp_mac, header->tp_snaplen);
        int status = take(p, ring, packet, FRAME(header, header));
        if (status != 0)
            return status;
    }
    return 0;
}

/*
 * Reads the next packet as luapcap_next() does, after luapcap_ring_pop() has found none. Its data
 * is valid until the next read or the release. Returns 0 if there is none: libpcap may know why.
 */
int luapcap_ring_next(pcap_t *p, luapcap_ring *ring, luapcap_packet *packet) {
    return ring->has_frames ? next_in_frame(p, ring, packet) : next_in_block(p, ring, packet);
}

/* Whether libpcap has something to tell: the descriptor shows an error, or libpcap asks to be
 * called from time to time, as it does when a device went down. */
int luapcap_ring_has_failed(pcap_t *p) {
    struct pollfd state = {.fd = pcap_fileno(p), .events = POLLIN, .revents = 0};
    return pcap_get_required_select_timeout(p) != NULL ||
           (poll(&state, 1, 0) > 0 && (state.revents & ~POLLIN) != 0);
}
#else
int luapcap_ring_pop(luapcap_ring *ring, luapcap_packet *packet) {
    (void)ring, (void)packet;
    return 0;
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
