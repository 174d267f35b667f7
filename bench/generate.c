/*
 * Writes a savefile for the benchmarks to stdout. Always the same:
 * generate COUNT 64|1500|mix [pcap|swapped|pcapng|options]. `swapped` is pcap of the other byte
 * order, `options` is pcapng with a comment and flags on each packet.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state = 2463534242u;

/* xorshift32: small, fixed, good enough to vary packets */
static uint32_t pseudo_random(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* The sizes of a busy link: half of the packets small, a third full. */
static uint32_t mixed_size(void) {
    uint32_t dice = pseudo_random() % 100;
    if (dice < 50)
        return 60 + pseudo_random() % 40;
    return dice < 67 ? 100 + pseudo_random() % 1300 : 1514;
}

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_words(const uint32_t *words, size_t count, int swapped) {
    for (size_t i = 0; i < count; i++) {
        uint32_t word = swapped ? __builtin_bswap32(words[i]) : words[i];
        fwrite(&word, sizeof word, 1, stdout);
    }
}

static const uint32_t classic[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
static const uint32_t swapped_classic[] = {0xa1b2c3d4, 4 | 2 << 16, 0, 0, 65535, 1};
/* A section header and an interface of Ethernet and microseconds. */
static const uint32_t pcapng[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff,
                                  28,         1,  20,         1, 65535,      20};
/* A comment of 16 bytes, flags, and the end of options. */
static const uint32_t options[] = {1 | 16 << 16, 0x6b636170,  0x66207465, 0x6220726f,
                                   0x68636e65,   2 | 4 << 16, 1,          0};

static void put_packet(long i, const uint8_t *packet, uint32_t size, const char *format) {
    uint32_t sec = 1700000000u + (uint32_t)(i / 1000000), usec = (uint32_t)(i % 1000000);
    if (strcmp(format, "pcap") == 0 || strcmp(format, "swapped") == 0) {
        uint32_t header[] = {sec, usec, size, size};
        put_words(header, 4, *format == 's');
        fwrite(packet, size, 1, stdout);
        return;
    }
    int has_options = strcmp(format, "options") == 0;
    uint32_t padded = (size + 3) / 4 * 4;
    uint32_t length = 32 + padded + (has_options ? (uint32_t)sizeof options : 0);
    uint64_t time = (uint64_t)sec * 1000000 + usec;
    uint32_t header[] = {6, length, 0, (uint32_t)(time >> 32), (uint32_t)time, size, size};
    put_words(header, 7, 0);
    fwrite(packet, padded, 1, stdout);
    if (has_options)
        fwrite(options, sizeof options, 1, stdout);
    put_words(&length, 1, 0);
}

int main(int argc, char **argv) {
    if (argc != 3 && argc != 4)
        return 2;
    const char *format = argc == 4 ? argv[3] : "pcap";
    long count = atol(argv[1]);
    int mixed = strcmp(argv[2], "mix") == 0;
    uint8_t packet[1600];

    for (size_t i = 0; i < sizeof packet; i++)
        packet[i] = (uint8_t)pseudo_random();
    if (strcmp(format, "pcap") == 0)
        put_words(classic, 6, 0);
    else if (strcmp(format, "swapped") == 0)
        put_words(swapped_classic, 6, 1);
    else
        put_words(pcapng, 12, 0);
    for (long i = 0; i < count; i++) {
        uint32_t size = mixed ? mixed_size() : (uint32_t)atoi(argv[2]);
        packet[12] = 8; /* IPv4 over Ethernet */
        packet[13] = 0;
        packet[14] = 0x45;
        put16(packet + 16, size - 14);
        put16(packet + 20, 0);
        packet[23] = 6; /* TCP, a tenth of it of port 80 */
        put16(packet + 34, pseudo_random() % 10 == 0 ? 80 : 1024 + pseudo_random() % 60000);
        put16(packet + 36, 1024 + pseudo_random() % 60000);
        put16(packet + 38, (uint32_t)i >> 16); /* a sequence number makes every packet unique */
        put16(packet + 40, (uint32_t)i);
        packet[46] = 0x50;
        put_packet(i, packet, size, format);
    }
    return fflush(stdout) != 0;
}
