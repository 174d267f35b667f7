/* Gives what is in a recorder's ring, while packets keep coming. */
#include <stdlib.h>
#include "recorder.h"

/* Moves a cursor behind the record that it is at, which it returns. */
static const luapcap_ring_record *pass(luapcap_cursor *cursor) {
    const luapcap_recorder *recorder = cursor->recorder;
    if (recorder->is_wrapped && cursor->position == recorder->end)
        cursor->position = 0;
    const luapcap_ring_record *it = luapcap_record_at(recorder, cursor->position);
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
        if (!luapcap_record_is_expired(recorder, pass(cursor))) {
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
    const luapcap_ring_record *it = pass(cursor);
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
