/* Asks libpcap what it knows of a file's link types, with savefiles that are made in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "luapcap.h"

#define FILE_HEADER_SIZE 24
#define RECORD_HEADER_SIZE 16

static void put(uint8_t *at, uint32_t value, int swapped) {
    if (swapped)
        value = (value >> 24) | ((value >> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24);
    memcpy(at, &value, sizeof value);
}

static void put_header(uint8_t *at, uint32_t linktype, uint32_t snaplen, int swapped) {
    uint8_t version[4] = {2, 0, 4, 0};
    uint32_t magic = 0xa1b2c3d4, one = 1;
    int little = *(uint8_t *)&one;

    memset(at, 0, FILE_HEADER_SIZE);
    put(at, magic, swapped);
    if (little == swapped) { /* the file is big-endian */
        version[0] = version[2] = 0;
        version[1] = 2;
        version[3] = 4;
    }
    memcpy(at + 4, version, sizeof version);
    put(at + 16, snaplen, swapped);
    put(at + 20, linktype, swapped);
}

static pcap_t *open_bytes(void *bytes, size_t size) {
    char errbuf[PCAP_ERRBUF_SIZE];
    FILE *file = fmemopen(bytes, size, "rb");
    if (file == NULL)
        return NULL;
    pcap_t *p = pcap_fopen_offline(file, errbuf);
    if (p == NULL)
        fclose(file);
    return p;
}

/*
 * Fills in the DLT of a link type that stands in a file, and the longest packet that libpcap takes
 * from a file of that type. Returns 1, or 0 if there is no memory or descriptor to ask with.
 */
int luapcap_linktype(uint32_t linktype, int32_t *dlt, int32_t *max_snaplen) {
    uint8_t header[FILE_HEADER_SIZE];
    put_header(header, linktype, 0, 0);
    pcap_t *p = open_bytes(header, sizeof header);
    if (p == NULL)
        return 0;
    *dlt = pcap_datalink(p);
    *max_snaplen = pcap_snapshot(p);
    pcap_close(p);
    return 1;
}

/*
 * Changes a file's packet as libpcap does before it hands it on. If the file is `swapped`, pseudo
 * headers get this machine's byte order. Wrong lengths are corrected. `data` is the packet's, and
 * is changed in place. Returns 1, or 0 if libpcap did not take the packet: then nothing is changed.
 */
int luapcap_linktype_fix(uint32_t linktype, int swapped, luapcap_packet *packet, uint8_t *data) {
    size_t size = FILE_HEADER_SIZE + RECORD_HEADER_SIZE + (size_t)packet->caplen;
    struct pcap_pkthdr *header;
    const u_char *fixed;
    int done = 0;
    uint8_t *bytes = calloc(1, size);
    if (bytes == NULL)
        return 0;
    put_header(bytes, linktype, 0, swapped);
    put(bytes + FILE_HEADER_SIZE + 8, packet->caplen, swapped);
    put(bytes + FILE_HEADER_SIZE + 12, packet->wirelen, swapped);
    memcpy(bytes + FILE_HEADER_SIZE + RECORD_HEADER_SIZE, data, packet->caplen);
    pcap_t *p = open_bytes(bytes, size);
    if (p != NULL) {
        if (pcap_next_ex(p, &header, &fixed) == 1 && header->caplen == packet->caplen) {
            memcpy(data, fixed, packet->caplen);
            packet->wirelen = header->len;
            done = 1;
        }
        pcap_close(p);
    }
    free(bytes);
    return done;
}

/*
 * Reads a savefile in memory to its end. Writes into `message`, of PCAP_ERRBUF_SIZE bytes, how it
 * ended in libpcap's words: the message is empty if it ended well.
 */
void luapcap_savefile_problem(void *bytes, size_t size, char *message) {
    struct pcap_pkthdr *header;
    const u_char *data;
    int status;
    FILE *file = fmemopen(bytes, size, "rb");
    message[0] = '\0';
    if (file == NULL)
        return;
    pcap_t *p = pcap_fopen_offline(file, message);
    if (p == NULL) {
        fclose(file);
        return;
    }
    do
        status = pcap_next_ex(p, &header, &data);
    while (status == 1);
    snprintf(message, PCAP_ERRBUF_SIZE, "%s", status == -1 ? pcap_geterr(p) : "");
    pcap_close(p);
}
