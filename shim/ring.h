/* A packet in a live capture's ring: for the shim's own files that begin with ring. */
#ifndef LUAPCAP_RING_H
#define LUAPCAP_RING_H
#include "luapcap.h"
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

uint32_t luapcap_ring_number(luapcap_ring *ring, int32_t index);
int luapcap_ring_cook(luapcap_frame *frame, int linktype);
int luapcap_ring_uncook(struct bpf_insn *insns, unsigned count, int linktype);
void luapcap_ring_forget(luapcap_ring *ring);
int luapcap_ring_judge(const luapcap_ring *ring, const luapcap_frame *frame);

#endif
