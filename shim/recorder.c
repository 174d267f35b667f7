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
#include "luapcap.h"

#define FIRST_ROOM 1048576

typedef struct {
    uint32_t size; /* of the record */
    uint32_t caplen;
    uint32_t wirelen;
    uint32_t options_length;
    int32_t linktype;
    uint32_t interface;
    uint32_t flags;
    uint32_t unused;
    double sec;
    double nsec;
} record;

struct luapcap_recorder {
    uint8_t *bytes;
    size_t room;    /* bytes of memory */
    size_t limit;   /* bytes of records */
    double seconds; /* or 0: all times */
    size_t used;    /* bytes of records */
    size_t packets;
    size_t head;    /* where the oldest record is */
    size_t tail;    /* where the next record goes */
    int is_wrapped; /* the records go from head to end, and from 0 to tail */
    size_t end;
    double newest_sec;
    double newest_nsec;
    luapcap_cursor *cursors;
};

/* Gives the records that were there when it was made. */
struct luapcap_cursor {
    luapcap_cursor *next;
    luapcap_recorder *recorder; /* NULL if that has been freed */
    size_t position;            /* of the next record */
    size_t passed;              /* records before it, which may be dropped */
    size_t left;                /* records to give */
    int is_lost;                /* whether a record had to be dropped before it was given */
};

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

static record *at(const luapcap_recorder *recorder, size_t position) {
    return (record *)(void *)(recorder->bytes + position);
}

/* Whether a record is older than the seconds that count before the newest packet. */
static int is_expired(const luapcap_recorder *recorder, const record *it) {
    double age = recorder->newest_sec - it->sec;
    return recorder->seconds > 0 &&
           age + (recorder->newest_nsec - it->nsec) / 1e9 > recorder->seconds;
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
    size_t size = at(recorder, recorder->head)->size;
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

/* Gives the records more memory. The system extends a large piece without a copy, if they are in
 * order. */
static int grow(luapcap_recorder *recorder, size_t room) {
    int is_in_order = !recorder->is_wrapped && recorder->head == 0;
    uint8_t *bytes = is_in_order ? realloc(recorder->bytes, room) : unwrapped(recorder, room);
    if (bytes == NULL)
        return 0;
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
        size_t room = recorder->room > 0 ? 2 * recorder->room : FIRST_ROOM;
        while (room < size && room < most)
            room *= 2;
        room = room < most ? room : most;
        int is_over = recorder->used + size > most || room <= recorder->room;
        if (can_drop(recorder) && is_expired(recorder, at(recorder, recorder->head))) {
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
    size_t size = (sizeof(record) + caplen + options + 7) & ~(size_t)7;
    if (size > recorder->limit || size > UINT32_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    recorder->newest_sec = packet->sec;
    recorder->newest_nsec = packet->nsec;
    if (make_room(recorder, size) != 0)
        return -1;
    record *it = at(recorder, recorder->tail);
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

/* Moves a cursor behind the record that it is at, which it returns. */
static const record *pass(luapcap_cursor *cursor) {
    const luapcap_recorder *recorder = cursor->recorder;
    if (recorder->is_wrapped && cursor->position == recorder->end)
        cursor->position = 0;
    const record *it = at(recorder, cursor->position);
    cursor->position += it->size;
    cursor->passed++;
    cursor->left--;
    return it;
}

/*
 * Makes a cursor to give the packets that are there now, from the first of the last seconds on. The
 * caller frees it. It may live longer than the recorder. Returns NULL with errno if there is no
 * memory.
 */
luapcap_cursor *luapcap_cursor_new(luapcap_recorder *recorder) {
    luapcap_cursor *cursor = calloc(1, sizeof *cursor);
    if (cursor == NULL)
        return NULL;
    cursor->recorder = recorder;
    cursor->position = recorder->head;
    cursor->left = recorder->packets;
    while (cursor->left > 0) {
        luapcap_cursor before = *cursor;
        if (!is_expired(recorder, pass(cursor))) {
            *cursor = before;
            break;
        }
    }
    cursor->next = recorder->cursors;
    recorder->cursors = cursor;
    return cursor;
}

/* Gives the next packet. Its bytes are the recorder's, and valid until a packet is added. Returns
 * 1; 0 after the last one; or -1 if the next one is gone. */
int luapcap_cursor_next(luapcap_cursor *cursor, luapcap_packet *packet) {
    if (cursor->is_lost)
        return -1;
    if (cursor->left == 0)
        return 0;
    const record *it = pass(cursor);
    packet->data = (const uint8_t *)(it + 1);
    packet->caplen = it->caplen;
    packet->wirelen = it->wirelen;
    packet->sec = it->sec;
    packet->nsec = it->nsec;
    packet->options_start = packet->data + it->caplen;
    packet->options_length = it->options_length;
    packet->linktype = it->linktype;
    packet->interface = it->interface;
    packet->flags = it->flags;
    return 1;
}

void luapcap_cursor_free(luapcap_cursor *cursor) {
    if (cursor->recorder != NULL) {
        luapcap_cursor **link = &cursor->recorder->cursors;
        while (*link != cursor)
            link = &(*link)->next;
        *link = cursor->next;
    }
    free(cursor);
}

/* How many packets are in memory. */
double luapcap_recorder_packets(const luapcap_recorder *recorder) {
    return (double)recorder->packets;
}

/* How many bytes they take, with their headers. */
double luapcap_recorder_bytes(const luapcap_recorder *recorder) {
    return (double)recorder->used;
}
