/* What processes that come and go, such as nginx's workers, do with a live capture's ring. */
#include "luapcap.h"

#ifdef HAVE_LINUX
#include "ring.h"

/* Gives back to the kernel what luapcap_ring_leave() has kept from it. */
void luapcap_ring_return(luapcap_ring *ring) {
    size_t status = ring->has_frames ? FRAME_STATUS : BLOCK_STATUS;
    ring->is_left = 0;
    for (uint32_t i = 0; i < ring->count; i++) {
        uint32_t *state = (uint32_t *)(luapcap_ring_unit(ring, i) + status);
        uint32_t left = LEFT;
        __atomic_compare_exchange_n(state, &left, TP_STATUS_KERNEL, 0, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED);
    }
}

/*
 * Goes on in a ring that another process has read, which has ended, and which this one has
 * inherited unread. Blocks are numbered in the order in which the kernel opens them. The first that
 * it has handed over is given back unread, because a process that died may have been reading it. If
 * it has handed over none, the next one is the one that it has opened last. If a process has left
 * the ring, the kernel opens that one again. Returns 0 if the ring's units have no numbers; then
 * nothing can be told.
 */
int luapcap_ring_resume(luapcap_ring *ring) {
    uint64_t first = UINT64_MAX, last = 0;
    uint32_t first_at = 0, last_at = 0;
    if (ring->blocks == NULL || ring->has_frames)
        return 0;
    for (uint32_t i = 0; i < ring->count; i++) {
        const struct tpacket_block_desc *block = (const void *)luapcap_ring_unit(ring, i);
        uint64_t number = block->hdr.bh1.seq_num;
        uint32_t status = __atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
        if (status != LEFT && (status & TP_STATUS_USER) != 0 && number < first)
            first = number, first_at = i;
        if (number > last)
            last = number, last_at = i;
    }
    ring->index = first != UINT64_MAX ? first_at : last_at;
    ring->taken_at = first != UINT64_MAX ? luapcap_ring_unit(ring, ring->index) : NULL;
    ring->left = 0;
    luapcap_ring_return(ring);
    return 1;
}

/*
 * Makes the kernel put no more packets into the ring. The kernel has no call for this, but it looks
 * at the status of what it fills next. All that it owns gets a status that looks unread. So the
 * ring looks full, and in a fanout group with rollover the packets go to the other members. The
 * kernel does not hand over the block that it was filling: see luapcap_ring_read_open(). Returns 0
 * if there is no ring.
 */
int luapcap_ring_leave(luapcap_ring *ring) {
    size_t status = ring->has_frames ? FRAME_STATUS : BLOCK_STATUS;
    if (ring->blocks == NULL)
        return 0;
    ring->is_left = 1;
    for (uint32_t i = 0; i < ring->count; i++) {
        uint32_t *state = (uint32_t *)(luapcap_ring_unit(ring, i) + status);
        uint32_t kernels = TP_STATUS_KERNEL;
        __atomic_compare_exchange_n(state, &kernels, LEFT, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
    return 1;
}

/*
 * After luapcap_ring_leave(), and some milliseconds for packets that were on their way: gives the
 * reader the block that the kernel was filling. That is the one that it has opened last. If the
 * reader has not come there yet, this does nothing.
 */
void luapcap_ring_read_open(luapcap_ring *ring) {
    uint64_t last = 0;
    if (ring->blocks == NULL || ring->has_frames || ring->taken_at != NULL)
        return;
    for (uint32_t i = 0; i < ring->count; i++) {
        const struct tpacket_block_desc *block = (const void *)luapcap_ring_unit(ring, i);
        last = block->hdr.bh1.seq_num > last ? block->hdr.bh1.seq_num : last;
    }
    struct tpacket_block_desc *next = (void *)luapcap_ring_unit(ring, ring->index);
    uint32_t left = LEFT;
    if (next->hdr.bh1.seq_num == last && next->hdr.bh1.num_pkts > 0)
        __atomic_compare_exchange_n(&next->hdr.bh1.block_status, &left, TP_STATUS_USER, 0,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
#else
int luapcap_ring_resume(luapcap_ring *ring) {
    (void)ring;
    return 0;
}

int luapcap_ring_leave(luapcap_ring *ring) {
    (void)ring;
    return 0;
}

void luapcap_ring_read_open(luapcap_ring *ring) {
    (void)ring;
}
#endif
