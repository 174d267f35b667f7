/* The interfaces of a live capture's ring: which of them a packet is from, and the cooked header
 * that packets get if the interfaces may be of any kind. */
#include "luapcap.h"

#ifdef HAVE_LINUX
#include <arpa/inet.h>
#include <net/if.h>
#include <pcap/sll.h>
#include <stdlib.h>
#include <string.h>
#include "ring.h"

/*
 * The number of a packet's interface. The device "any" itself has 1, and the interfaces that
 * packets have come from have the numbers after that. If memory is short, it is 1.
 */
uint32_t luapcap_ring_number(luapcap_ring *ring, int32_t index) {
    if (ring->latest < ring->known && ring->indexes[ring->latest] == index)
        return ring->latest + 2;
    for (ring->latest = 0; ring->latest < ring->known; ring->latest++)
        if (ring->indexes[ring->latest] == index)
            return ring->latest + 2;
    int32_t *indexes = realloc(ring->indexes, (ring->known + 1) * sizeof *indexes);
    if (indexes == NULL)
        return 1;
    ring->indexes = indexes;
    ring->indexes[ring->known++] = index;
    return ring->latest + 2;
}

static void write_sll(uint8_t *bytes, const struct sockaddr_ll *from) {
    struct sll_header header = {.sll_pkttype = htons(from->sll_pkttype),
                                .sll_hatype = htons(from->sll_hatype),
                                .sll_halen = htons(from->sll_halen),
                                .sll_protocol = from->sll_protocol};
    memcpy(header.sll_addr, from->sll_addr, SLL_ADDRLEN);
    memcpy(bytes, &header, SLL_HDR_LEN);
}

static void write_sll2(uint8_t *bytes, const struct sockaddr_ll *from) {
    struct sll2_header header = {.sll2_protocol = from->sll_protocol,
                                 .sll2_if_index = htonl((uint32_t)from->sll_ifindex),
                                 .sll2_hatype = htons(from->sll_hatype),
                                 .sll2_pkttype = from->sll_pkttype,
                                 .sll2_halen = from->sll_halen};
    memcpy(header.sll2_addr, from->sll_addr, SLL_ADDRLEN);
    memcpy(bytes, &header, SLL2_HDR_LEN);
}

/* Puts a cooked header before a packet. Returns 0 if the ring has no room for it and a VLAN tag. */
int luapcap_ring_cook(luapcap_frame *frame, int linktype) {
    uint32_t size = linktype == DLT_LINUX_SLL2 ? SLL2_HDR_LEN : SLL_HDR_LEN;
    if (frame->data - size - TAG < (const uint8_t *)(frame->from + 1))
        return 0;
    frame->data -= size;
    frame->caplen += size;
    frame->wirelen += size;
    if (linktype == DLT_LINUX_SLL2)
        write_sll2(frame->data, frame->from);
    else
        write_sll(frame->data, frame->from);
    return 1;
}

/* Turns an offset in packets with a cooked header into the kernel's, which have none. Returns 0 if
 * the kernel does not know what stands there. */
static int fix_offset(struct bpf_insn *insn, int is_sll2) {
    uint32_t size = is_sll2 ? SLL2_HDR_LEN : SLL_HDR_LEN;
    if (insn->k >= (uint32_t)SKF_AD_OFF)
        return 1;
    if (insn->k >= size)
        insn->k -= size;
    else if (insn->k == (is_sll2 ? 0 : offsetof(struct sll_header, sll_protocol)))
        insn->k = (uint32_t)SKF_AD_OFF + SKF_AD_PROTOCOL;
    else if (insn->k == (is_sll2 ? offsetof(struct sll2_header, sll2_pkttype) : 0))
        insn->k = (uint32_t)SKF_AD_OFF + SKF_AD_PKTTYPE;
    else if (is_sll2 && insn->k == offsetof(struct sll2_header, sll2_if_index))
        insn->k = (uint32_t)SKF_AD_OFF + SKF_AD_IFINDEX;
    else if (is_sll2 && insn->k == offsetof(struct sll2_header, sll2_hatype))
        insn->k = (uint32_t)SKF_AD_OFF + SKF_AD_HATYPE;
    else
        return 0;
    return 1;
}

/* Turns a program for packets with a cooked header into one for the kernel, as libpcap does.
 * Returns 0 if the kernel cannot run it. */
int luapcap_ring_uncook(struct bpf_insn *insns, unsigned count, int linktype) {
    for (unsigned i = 0; i < count; i++) {
        int class = BPF_CLASS(insns[i].code), mode = BPF_MODE(insns[i].code);
        if ((class == BPF_LD || class == BPF_LDX) &&
            (mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH) &&
            !fix_offset(&insns[i], linktype == DLT_LINUX_SLL2))
            return 0;
    }
    return 1;
}

/* Writes the name of the system's interface `index`, with a NUL. Returns 0 if there is none. */
int luapcap_interface_name(int index, char *name, size_t size) {
    char found[IF_NAMESIZE];
    if (size < IF_NAMESIZE || if_indextoname((unsigned)index, found) == NULL)
        return 0;
    memcpy(name, found, IF_NAMESIZE);
    return 1;
}
#else
int luapcap_interface_name(int index, char *name, size_t size) {
    (void)index, (void)name, (void)size;
    return 0;
}
#endif
