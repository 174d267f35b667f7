/*
 * The kernel's filter of a capture that reads its own ring. The kernel takes one filter for another
 * at once, so no packet is lost between them. Packets that were in the ring before have met the old
 * filter only: the reader judges them by the new one.
 */
#include "luapcap.h"

#ifdef HAVE_LINUX
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "ring.h"

/* `insns` is the program, and `patched` one for a packet: what the kernel alone can load has become
 * a constant. */
struct luapcap_judge {
    unsigned int count;
    struct bpf_insn *patched;
    struct bpf_insn insns[];
};

static struct luapcap_judge *new_judge(const struct bpf_program *program) {
    size_t size = program->bf_len * sizeof *program->bf_insns;
    struct luapcap_judge *judge = malloc(sizeof *judge + 2 * size);
    if (judge == NULL)
        return NULL;
    judge->count = program->bf_len;
    judge->patched = judge->insns + program->bf_len;
    memcpy(judge->insns, program->bf_insns, size);
    return judge;
}

/* Forgets the filter. */
void luapcap_ring_forget(luapcap_ring *ring) {
    free(ring->judge);
    ring->judge = NULL;
}

/*
 * Makes the kernel filter by `program`, or take all packets if that is NULL. Returns 0, or -1 with
 * errno if the kernel refuses the program, and then all is as before.
 */
int luapcap_ring_filter(pcap_t *p, luapcap_ring *ring, const struct bpf_program *program) {
    struct luapcap_judge *judge = NULL;
    int fd = pcap_fileno(p), status;
    if (program != NULL) {
        struct sock_fprog filter = {.len = (unsigned short)program->bf_len};
        if ((judge = new_judge(program)) == NULL)
            return -1;
        filter.filter = (void *)judge->insns;
        if (ring->is_cooked && !luapcap_ring_uncook(judge->insns, judge->count, pcap_datalink(p))) {
            free(judge);
            errno = EINVAL;
            return -1;
        }
        memcpy(judge->patched, judge->insns, judge->count * sizeof *judge->insns);
        status = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
    } else {
        int unused = 0;
        status = setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
        if (status != 0 && errno == ENOENT)
            status = 0;
    }
    if (status != 0) {
        int error = errno;
        free(judge);
        errno = error;
        return -1;
    }
    luapcap_ring_forget(ring);
    luapcap_ring_end_run(ring);
    ring->judge = judge;
    ring->judged_until = ring->taken + ring->count + 1;
    return 0;
}

/* What the kernel's filter would load at SKF_AD_OFF + `what`. Returns 0 if the ring does not tell.
 */
static int load(const luapcap_frame *frame, uint32_t what, uint32_t *value) {
    switch (what) {
    case SKF_AD_PROTOCOL:
        *value = ntohs(frame->from->sll_protocol);
        return 1;
    case SKF_AD_PKTTYPE:
        *value = frame->from->sll_pkttype;
        return 1;
    case SKF_AD_IFINDEX:
        *value = (uint32_t)frame->from->sll_ifindex;
        return 1;
    case SKF_AD_HATYPE:
        *value = frame->from->sll_hatype;
        return 1;
    case SKF_AD_VLAN_TAG:
        *value = frame->vlan_tci;
        return 1;
    case SKF_AD_VLAN_TAG_PRESENT:
        *value = (frame->status & TP_STATUS_VLAN_VALID) != 0;
        return 1;
    case SKF_AD_VLAN_TPID:
        *value = frame->vlan_tpid;
        return 1;
    default:
        return 0;
    }
}

/* Whether a packet of the ring passes the filter, which sees it as the kernel does, without the
 * VLAN tag that the kernel took out. What cannot be judged passes. */
int luapcap_ring_judge(const luapcap_ring *ring, const luapcap_frame *frame) {
    const struct luapcap_judge *judge = ring->judge;
    for (unsigned int i = 0; i < judge->count; i++) {
        const struct bpf_insn *insn = &judge->insns[i];
        uint32_t value;
        if (BPF_CLASS(insn->code) != BPF_LD || BPF_MODE(insn->code) != BPF_ABS ||
            insn->k < (uint32_t)SKF_AD_OFF)
            continue;
        if (!load(frame, insn->k - (uint32_t)SKF_AD_OFF, &value))
            return 1;
        judge->patched[i].code = BPF_LD | BPF_IMM;
        judge->patched[i].k = value;
    }
    return bpf_filter(judge->patched, frame->data, frame->wirelen, frame->caplen) != 0;
}
#else
int luapcap_ring_filter(pcap_t *p, luapcap_ring *ring, const struct bpf_program *program) {
    (void)p, (void)ring, (void)program;
    return -1;
}
#endif
