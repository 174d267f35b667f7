/* A live capture: waiting on it with a deadline, and what it counts. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include "luapcap.h"

/* Seconds of a clock that only goes forward. */
double luapcap_monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Milliseconds for poll(), rounded up so that a wait never ends before its deadline. */
int luapcap_milliseconds(double seconds) {
    double ms = seconds * 1000;
    if (ms <= 0)
        return 0;
    return ms >= INT_MAX ? INT_MAX : (int)ms + ((double)(int)ms < ms);
}

/*
 * Waits until a packet may be there, `timeout` seconds at the most (infinity: for ever). A
 * signal ends this wait, and the caller, whose handlers in Lua run now, waits on for the rest.
 * Where libpcap asks for a read every so often though
 * the descriptor is silent (pcap_get_required_select_timeout), the wait ends then as if a packet
 * had come. Returns 1 for a reason to read (an error on the descriptor is one: the read tells
 * it), 0 when the time is over, 2 after a signal, -1 with errno when it cannot wait.
 */
int luapcap_wait(pcap_t *p, double timeout) {
    double pause = luapcap_required_timeout(p);
    struct pollfd ready = {.fd = pcap_get_selectable_fd(p), .events = POLLIN, .revents = 0};
    double deadline = luapcap_monotonic() + timeout;
    double read_at = deadline;

    if (pause >= 0) {
        if (pause < timeout)
            read_at = luapcap_monotonic() + pause;
    } else if (ready.fd < 0) {
        errno = EBADF;
        return -1;
    }
    for (;;) {
        int n = poll(&ready, 1, luapcap_milliseconds(read_at - luapcap_monotonic()));
        if (n > 0)
            return 1;
        if (n < 0 && errno == EINTR)
            return 2;
        if (n < 0 && errno != EAGAIN)
            return -1;
        if (luapcap_monotonic() >= read_at)
            return read_at < deadline ? 1 : 0;
    }
}

/* The seconds after which libpcap asks for a read though the descriptor is silent, or -1. */
double luapcap_required_timeout(pcap_t *p) {
    const struct timeval *required = pcap_get_required_select_timeout(p);
    return required == NULL ? -1 : (double)required->tv_sec + (double)required->tv_usec / 1e6;
}

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
    /* A newer libpcap has the compiler warn where the result is dropped. */
    int status = pcap_activate(p);
    (void)status;
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
