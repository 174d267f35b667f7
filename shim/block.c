/* Packets as blocks of a pcapng file that is being written. */
#include <string.h>
#include "luapcap.h"

#define ENHANCED_PACKET 6
#define END_OF_OPTIONS 0
#define FLAGS 2
#define NSEC UINT64_C(1000000000)

typedef struct {
    uint32_t type;
    uint32_t length;
    uint32_t interface;
    uint32_t high;
    uint32_t low;
    uint32_t caplen;
    uint32_t wirelen;
} block_header;

static size_t padding(size_t size) {
    return -size & 3;
}

/*
 * Nanoseconds in units of 2^-power seconds, rounded up. A reader rounds down. So a time that was
 * read in such units is written as the same count. From 2^34 on this takes two steps, because 64
 * bits do not hold the product.
 */
static uint64_t binary_fraction(uint64_t nsec, int power) {
    int first = power < 34 ? power : 34;
    uint64_t product = nsec << first;
    uint64_t rest = (product % NSEC) << (power - first);
    return ((product / NSEC) << (power - first)) + (rest + NSEC - 1) / NSEC;
}

/* A time in an interface's units. The caller has checked that 64 bits hold it. */
static uint64_t ticks(const luapcap_block_interface *interface, double sec, double nsec) {
    uint64_t whole = (uint64_t)(sec - interface->offset) * interface->units;
    if (interface->power >= 0)
        return whole + binary_fraction((uint64_t)nsec, interface->power);
    return whole + (uint64_t)(uint32_t)nsec / interface->nsec_per_unit * interface->units_per_nsec;
}

/* The options of a packet of which no more is known than its direction: 1 is in, 2 is out. */
static const struct {
    uint16_t code, length;
    uint32_t flags;
    uint16_t end, end_length;
} directions[] = {{FLAGS, 4, 1, END_OF_OPTIONS, 0}, {FLAGS, 4, 2, END_OF_OPTIONS, 0}};

/*
 * Writes one packet with its options, or with its direction if it has none. The options are in this
 * machine's byte order. Returns what luapcap_dumper_write() does. The caller has checked that
 * caplen is within the snapshot length, that 64 bits hold the time, and that the options are
 * shorter than 16 MB.
 */
int luapcap_block_write(luapcap_dumper *dumper, const luapcap_packet *packet,
                        const luapcap_block_interface *interface) {
    struct {
        block_header header;
        uint8_t rest[2048];
    } whole;
    static const uint8_t zeros[4] = {0};
    size_t size = packet->caplen, pad = padding(size);
    size_t options = packet->options_length;
    const void *options_start = packet->options_start;
    if (options == 0 && (packet->flags == 1 || packet->flags == 2)) {
        options_start = &directions[packet->flags - 1];
        options = sizeof *directions;
    }
    size_t options_pad = padding(options);
    size_t rest = size + pad + options + options_pad + sizeof whole.header.length;
    uint64_t time = ticks(interface, packet->sec, packet->nsec);

    whole.header.type = ENHANCED_PACKET;
    whole.header.length = (uint32_t)(sizeof whole.header + rest);
    whole.header.interface = interface->number;
    whole.header.high = (uint32_t)(time >> 32);
    whole.header.low = (uint32_t)time;
    whole.header.caplen = packet->caplen;
    whole.header.wirelen = packet->wirelen;
    if (rest <= sizeof whole.rest) {
        uint8_t *at = whole.rest;
        if (size > 0)
            memcpy(at, packet->data, size);
        memset(at + size, 0, sizeof zeros); /* the padding; what is too much is overwritten */
        at += size + pad;
        if (options > 0) {
            memcpy(at, options_start, options);
            memset(at + options, 0, options_pad);
            at += options + options_pad;
        }
        memcpy(at, &whole.header.length, sizeof whole.header.length);
        return luapcap_dumper_write(dumper, &whole, sizeof whole.header + rest);
    }
    luapcap_dumper_write(dumper, &whole.header, sizeof whole.header);
    luapcap_dumper_write(dumper, packet->data, size);
    luapcap_dumper_write(dumper, zeros, pad);
    luapcap_dumper_write(dumper, options_start, options);
    luapcap_dumper_write(dumper, zeros, options_pad);
    return luapcap_dumper_write(dumper, &whole.header.length, sizeof whole.header.length);
}

/* Puts a time in an interface's units into `time`: two numbers of 32 bits, the upper one first. */
void luapcap_block_time(const luapcap_block_interface *interface, double sec, double nsec,
                        uint32_t *time) {
    uint64_t count = ticks(interface, sec, nsec);
    time[0] = (uint32_t)(count >> 32);
    time[1] = (uint32_t)count;
}
