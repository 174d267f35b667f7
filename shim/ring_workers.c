/* What processes that come and go, such as nginx's workers, do with a live capture's ring. */
#include "luapcap.h"

#ifdef HAVE_LINUX
#include "ring.h"

/* Gives all units of one status another one. */
static void exchange(luapcap_ring *ring, uint32_t from, uint32_t to) {
    size_t status = ring->has_frames ? FRAME_STATUS : BLOCK_STATUS;
    for (uint32_t i = 0; i < ring->count; i++) {
        uint32_t *state = (uint32_t *)(luapcap_ring_unit(ring, i) + status), expected = from;
        __atomic_compare_exchange_n(state, &expected, to, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
}

static struct tpacket_block_desc *block_at(const luapcap_ring *ring, uint32_t index) {
    return (void *)luapcap_ring_unit(ring, index);
}

/* Which block the kernel has opened last. It numbers them. */
static uint32_t opened_last(const luapcap_ring *ring) {
    uint32_t last = 0;
    for (uint32_t i = 1; i < ring->count; i++)
        if (block_at(ring, i)->hdr.bh1.seq_num > block_at(ring, last)->hdr.bh1.seq_num)
            last = i;
    return last;
}

/* Gives back to the kernel what luapcap_ring_leave() has kept from it. */
void luapcap_ring_return(luapcap_ring *ring) {
    ring->is_left = 0;
    exchange(ring, LEFT, TP_STATUS_KERNEL);
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
    uint64_t first = UINT64_MAX;
    if (ring->blocks == NULL || ring->has_frames)
        return 0;
    ring->index = opened_last(ring);
    ring->taken_at = NULL;
    for (uint32_t i = 0; i < ring->count; i++) {
        const struct tpacket_block_desc *block = block_at(ring, i);
        uint64_t number = block->hdr.bh1.seq_num;
        uint32_t status = __atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
        if (luapcap_ring_is_ready(status) && number < first) {
            first = number;
            ring->index = i;
            ring->taken_at = luapcap_ring_unit(ring, i);
        }
    }
    ring->left = 0;
    ring->run = 0;
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
    if (ring->blocks == NULL)
        return 0;
    ring->is_left = 1;
    exchange(ring, TP_STATUS_KERNEL, LEFT);
    return 1;
}

/*
 * After luapcap_ring_leave(), and some milliseconds for packets that were on their way: gives the
 * reader the block that the kernel was filling. That is the one that it has opened last. If the
 * reader has not come there yet, this does nothing.
 */
void luapcap_ring_read_open(luapcap_ring *ring) {
    uint32_t left = LEFT;
    if (ring->blocks == NULL || ring->has_frames || ring->taken_at != NULL ||
        ring->index != opened_last(ring))
        return;
    struct tpacket_block_desc *block = block_at(ring, ring->index);
    if (block->hdr.bh1.num_pkts > 0)
        __atomic_compare_exchange_n(&block->hdr.bh1.block_status, &left, TP_STATUS_USER, 0,
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
