/* A live capture: what it counts, and what only some systems have. */
#include <stdio.h>
#include "luapcap.h"

/* What was counted since the capture began. Returns 0, or PCAP_ERROR with pcap_geterr(). */
int luapcap_stats(pcap_t *p, luapcap_stat *stat) {
    struct pcap_stat counted = {0};
    int status = pcap_stats(p, &counted);
    stat->received = counted.ps_recv;
    stat->dropped = counted.ps_drop;
    stat->if_dropped = counted.ps_ifdrop;
    return status;
}

/*
 * Closes a handle that is not to be activated. Libpcap (1.10.3) leaves an eventfd open on Linux
 * unless activating was at least tried.
 */
void luapcap_discard(pcap_t *p) {
    pcap_activate(p);
    pcap_close(p);
}

/*
 * Has a handle that is not yet activated capture one Ethernet type only, which Linux can. Returns
 * 0, or an error number of libpcap's, elsewhere with pcap_geterr(), which gives its own buffer.
 */
int luapcap_set_protocol(pcap_t *p, int protocol) {
#ifdef __linux__
    return pcap_set_protocol_linux(p, protocol);
#else
    (void)protocol;
    snprintf(pcap_geterr(p), PCAP_ERRBUF_SIZE, "only Linux captures by protocol");
    return PCAP_ERROR;
#endif
}
