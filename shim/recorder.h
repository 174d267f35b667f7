/* A recorder's ring, for recorder.c, which fills it, and cursor.c, which gives what is there. */
#ifndef LUAPCAP_RECORDER_H
#define LUAPCAP_RECORDER_H

#include "luapcap.h"

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
} luapcap_ring_record;

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

static inline luapcap_ring_record *luapcap_record_at(const luapcap_recorder *recorder,
                                                     size_t position) {
    return (luapcap_ring_record *)(void *)(recorder->bytes + position);
}

/* Whether a record is older than the seconds that count before the newest packet. */
static inline int luapcap_record_is_expired(const luapcap_recorder *recorder,
                                            const luapcap_ring_record *it) {
    double age = recorder->newest_sec - it->sec;
    return recorder->seconds > 0 &&
           age + (recorder->newest_nsec - it->nsec) / 1e9 > recorder->seconds;
}

#endif
