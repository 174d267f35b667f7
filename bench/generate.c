/* Writes a savefile for the benchmarks to stdout: generate COUNT 64|1500|mix. Always the same. */
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

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    long count = atol(argv[1]);
    int mixed = strcmp(argv[2], "mix") == 0;
    uint32_t file_header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    uint8_t packet[1600];

    for (size_t i = 0; i < sizeof packet; i++)
        packet[i] = (uint8_t)pseudo_random();
    fwrite(file_header, sizeof file_header, 1, stdout);
    for (long i = 0; i < count; i++) {
        uint32_t size = mixed ? mixed_size() : (uint32_t)atoi(argv[2]);
        uint32_t header[4] = {1700000000u + (uint32_t)(i / 1000000), (uint32_t)(i % 1000000), size,
                              size};
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
        fwrite(header, sizeof header, 1, stdout);
        fwrite(packet, size, 1, stdout);
    }
    return fflush(stdout) != 0;
}
