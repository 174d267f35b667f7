/*
 * The last packets, in a ring in memory.
 *
 * Each packet is a record: its header, its bytes, its options. A record is in one piece. If there
 * is no room for it before the end of the memory, it goes to the start. The ring grows up to its
 * limit, and then the oldest records make room.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "recorder.h"

/* It grows in few steps: what has been moved is no longer in huge pages (Linux 6.18). */
#define FIRST_ROOM 1048576
#define GROWTH 8
/* From here on memory is asked for in huge pages. */
#define LARGE_ROOM 8388608

/*
 * Makes a recorder of at most `limit` bytes, and of the packets of the last `seconds`, unless that
 * is 0. Returns the recorder, which the caller frees; or NULL with errno.
 */
luapcap_recorder *luapcap_recorder_new(double limit, double seconds) {
    luapcap_recorder *recorder = calloc(1, sizeof *recorder);
    if (recorder != NULL) {
        recorder->limit = (size_t)limit;
        recorder->seconds = seconds;
    }
    return recorder;
}

/* Frees the recorder and its packets. Its cursors are lost, and stay their owners'. */
void luapcap_recorder_free(luapcap_recorder *recorder) {
    for (luapcap_cursor *it = recorder->cursors; it != NULL; it = it->next) {
        it->recorder = NULL;
        it->is_lost = 1;
    }
    free(recorder->bytes);
    free(recorder);
}

/* Whether the oldest record may go. One that a cursor has still to give may not. */
static int can_drop(const luapcap_recorder *recorder) {
    for (const luapcap_cursor *it = recorder->cursors; it != NULL; it = it->next)
        if (it->left > 0 && it->passed == 0)
            return 0;
    return recorder->packets > 0;
}

/* Gives up the cursors that have still to give the oldest record. */
static void overtake(luapcap_recorder *recorder) {
    for (luapcap_cursor *it = recorder->cursors; it != NULL; it = it->next) {
        if (it->left > 0 && it->passed == 0) {
            it->left = 0;
            it->is_lost = 1;
        }
    }
}

static void drop(luapcap_recorder *recorder) {
    size_t size = luapcap_record_at(recorder, recorder->head)->size;
    recorder->head += size;
    recorder->used -= size;
    recorder->packets--;
    for (luapcap_cursor *it = recorder->cursors; it != NULL; it = it->next)
        if (it->left > 0)
            it->passed--;
    if (recorder->is_wrapped && recorder->head == recorder->end) {
        recorder->head = 0;
        recorder->is_wrapped = 0;
    }
    if (recorder->packets == 0) {
        recorder->head = recorder->tail = 0;
        recorder->is_wrapped = 0;
    }
}

/* Whether there is room for `size` bytes at the tail. It may move the tail to the start. */
static int fits(luapcap_recorder *recorder, size_t size) {
    if (recorder->is_wrapped)
        return recorder->head - recorder->tail >= size;
    if (recorder->room - recorder->tail >= size)
        return 1;
    if (recorder->head < size)
        return 0;
    recorder->end = recorder->tail;
    recorder->tail = 0;
    recorder->is_wrapped = 1;
    return 1;
}

/* Moves the upper records before the lower ones, to memory of its own. */
static uint8_t *unwrapped(luapcap_recorder *recorder, size_t room) {
    size_t upper = (recorder->is_wrapped ? recorder->end : recorder->tail) - recorder->head;
    size_t lower = recorder->is_wrapped ? recorder->tail : 0;
    uint8_t *bytes = malloc(room);
    if (bytes == NULL)
        return NULL;
    memcpy(bytes, recorder->bytes + recorder->head, upper);
    memcpy(bytes + upper, recorder->bytes, lower);
    free(recorder->bytes);
    for (luapcap_cursor *it = recorder->cursors; it != NULL; it = it->next) {
        if (recorder->is_wrapped && it->position < recorder->head)
            it->position += upper;
        else
            it->position -= recorder->head;
    }
    recorder->tail = upper + lower;
    recorder->head = 0;
    recorder->is_wrapped = 0;
    return bytes;
}

/* Large memory is passed through from end to end. In huge pages that costs few page faults, and few
 * looks for where a page is. The system may refuse. */
static void use_huge_pages(uint8_t *bytes, size_t room) {
#ifdef MADV_HUGEPAGE
    long page = sysconf(_SC_PAGESIZE);
    size_t over = page > 0 ? (uintptr_t)bytes % (size_t)page : 0;
    if (page > 0 && room >= LARGE_ROOM)
        madvise(bytes - over, room + over, MADV_HUGEPAGE);
#else
    (void)bytes, (void)room;
#endif
}

/* Gives the records more memory. The system extends a large piece without a copy, if they are in
 * order. */
static int grow(luapcap_recorder *recorder, size_t room) {
    int is_in_order = !recorder->is_wrapped && recorder->head == 0;
    uint8_t *bytes = is_in_order ? realloc(recorder->bytes, room) : unwrapped(recorder, room);
    if (bytes == NULL)
        return 0;
    use_huge_pages(bytes, room);
    recorder->bytes = bytes;
    recorder->room = room;
    return 1;
}

/*
 * Makes room for a record. While there are cursors, the ring may be twice as large, because they
 * have still to give what is there. If that is not enough, they are given up: new packets count
 * more. Returns 0, or -1 if there is no memory at all.
 */
static int make_room(luapcap_recorder *recorder, size_t size) {
    size_t most = recorder->cursors != NULL ? 2 * recorder->limit : recorder->limit;
    while (recorder->used + size > recorder->limit && can_drop(recorder))
        drop(recorder);
    while (recorder->used + size > most || !fits(recorder, size)) {
        size_t room = recorder->room > 0 ? GROWTH * recorder->room : FIRST_ROOM;
        while (room < size && room < most)
            room *= GROWTH;
        room = room < most ? room : most;
        int is_over = recorder->used + size > most || room <= recorder->room;
        if (can_drop(recorder) &&
            luapcap_record_is_expired(recorder, luapcap_record_at(recorder, recorder->head))) {
            drop(recorder);
        } else if (is_over || !grow(recorder, room)) {
            if (recorder->packets == 0)
                return -1;
            overtake(recorder);
            drop(recorder);
        }
    }
    return 0;
}

/*
 * Adds a packet, with its options. Returns 0; or -1 with errno: EMSGSIZE if it is longer than the
 * whole ring, or ENOMEM.
 */
int luapcap_recorder_add(luapcap_recorder *recorder, const luapcap_packet *packet) {
    size_t caplen = packet->caplen, options = packet->options_length;
    size_t size = (sizeof(luapcap_ring_record) + caplen + options + 7) & ~(size_t)7;
    if (size > recorder->limit || size > UINT32_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    recorder->newest_sec = packet->sec;
    recorder->newest_nsec = packet->nsec;
    if (make_room(recorder, size) != 0)
        return -1;
    luapcap_ring_record *it = luapcap_record_at(recorder, recorder->tail);
    it->size = (uint32_t)size;
    it->caplen = packet->caplen;
    it->wirelen = packet->wirelen;
    it->options_length = packet->options_length;
    it->linktype = packet->linktype;
    it->interface = packet->interface;
    it->flags = packet->flags;
    it->sec = packet->sec;
    it->nsec = packet->nsec;
    if (caplen > 0)
        memcpy(it + 1, packet->data, caplen);
    if (options > 0)
        memcpy((uint8_t *)(it + 1) + caplen, packet->options_start, options);
    recorder->tail += size;
    recorder->used += size;
    recorder->packets++;
    return 0;
}

/* How many packets are in memory. */
double luapcap_recorder_packets(const luapcap_recorder *recorder) {
    return (double)recorder->packets;
}

/* How many bytes they take, with their headers. */
double luapcap_recorder_bytes(const luapcap_recorder *recorder) {
    return (double)recorder->used;
}
