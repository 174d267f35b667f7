/* Reads packets through libpcap into a flat struct, and asks libpcap whether a filter matches. */
#include <stdio.h>
#include <string.h>
#include "luapcap.h"

/*
 * Reads the next packet through libpcap into `packet`. The time is in nanoseconds, whatever the
 * handle's precision. Returns what pcap_next_ex() does: 1 is a packet. The data is libpcap's, valid
 * until the next read on the handle or its close.
 */
int luapcap_next(pcap_t *p, luapcap_packet *packet) {
    struct pcap_pkthdr *header;
    const u_char *data;
    int status = pcap_next_ex(p, &header, &data);
    if (status != 1)
        return status;
    packet->data = data;
    packet->caplen = header->caplen;
    packet->wirelen = header->len;
    packet->sec = (double)header->ts.tv_sec;
    packet->nsec = (double)header->ts.tv_usec;
    if (pcap_get_tstamp_precision(p) != PCAP_TSTAMP_PRECISION_NANO)
        packet->nsec *= 1000;
    return 1;
}

/* Runs a compiled filter over one packet with libpcap's interpreter. Not 0 is a match. */
int luapcap_match(const struct bpf_program *program, const uint8_t *data, uint32_t caplen,
                  uint32_t wirelen) {
    struct pcap_pkthdr header;
    memset(&header, 0, sizeof header);
    header.caplen = caplen;
    header.len = wirelen;
    return pcap_offline_filter(program, &header, data);
}
