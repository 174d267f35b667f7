/* A packet in a live capture's ring: for the shim's own files that begin with ring. */
#ifndef LUAPCAP_RING_H
#define LUAPCAP_RING_H
#include "luapcap.h"
#include <stddef.h>
#include <linux/filter.h>
#include <linux/if_packet.h>

/* What both kinds of ring tell of a packet. The pointers point into the ring. */
typedef struct luapcap_frame {
    uint8_t *data;
    const struct sockaddr_ll *from;
    uint32_t caplen;
    uint32_t wirelen;
    uint32_t sec;
    uint32_t nsec;
    uint32_t status;
    uint16_t vlan_tci;
    uint16_t vlan_tpid;
} luapcap_frame;

#define TAG 4 /* bytes of a VLAN tag */

/* Where frames and blocks have their status. */
#define FRAME_STATUS offsetof(struct tpacket2_hdr, tp_status)
#define BLOCK_STATUS offsetof(struct tpacket_block_desc, hdr.bh1.block_status)
/* The status of what the kernel shall not fill any more: to the kernel it looks unread. */
#define LEFT (TP_STATUS_USER | 1u << 24)

/* Whether the kernel has handed over a frame or block that has this status. */
static inline int luapcap_ring_is_ready(uint32_t status) {
    return (status & TP_STATUS_USER) != 0 && status != LEFT;
}

/* Where the frame or block `index` begins. A frame never lies across two blocks. */
static inline uint8_t *luapcap_ring_unit(const luapcap_ring *ring, uint32_t index) {
    return ring->blocks + (size_t)(index / ring->per_block) * ring->block_size +
           (size_t)(index % ring->per_block) * ring->unit_size;
}

/* Makes the packets of a run such that have not been looked at. */
static inline void luapcap_ring_end_run(luapcap_ring *ring) {
    ring->left += ring->run;
    ring->run = 0;
}

uint32_t luapcap_ring_number(luapcap_ring *ring, int32_t index);
int luapcap_ring_cook(luapcap_frame *frame, int linktype);
int luapcap_ring_uncook(struct bpf_insn *insns, unsigned count, int linktype);
void luapcap_ring_forget(luapcap_ring *ring);
void luapcap_ring_return(luapcap_ring *ring);
int luapcap_ring_judge(const luapcap_ring *ring, const luapcap_frame *frame);

#endif
