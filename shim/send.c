/* Sends packets through a capture, with few system calls if the system can do that. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "luapcap.h"

/* Packets that go to the kernel in one call. */
#define BATCH 256

/*
 * Sends one packet. On Linux a capture in non-blocking mode also sends in that mode. So if the
 * queue is full, this waits, a second at the most. Returns the bytes sent, or PCAP_ERROR with the
 * reason in pcap_geterr().
 */
int luapcap_inject(pcap_t *p, const void *data, size_t length) {
    struct pollfd ready = {.fd = pcap_fileno(p), .events = POLLOUT, .revents = 0};
    double deadline = luapcap_monotonic() + 1;
    for (;;) {
        errno = 0;
        int sent = pcap_inject(p, data, length);
        if (sent >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) ||
            luapcap_monotonic() >= deadline)
            return sent;
        poll(&ready, 1, luapcap_milliseconds(deadline - luapcap_monotonic()));
    }
}

#ifdef HAVE_LINUX
/*
 * Whether sending means only send(2) on the handle's descriptor. In libpcap it does, on a packet
 * socket that is not in cooked mode.
 */
static int sends_plainly(pcap_t *p) {
    int linktype = pcap_datalink(p);
    int domain = 0;
    socklen_t size = sizeof domain;
    return linktype != DLT_LINUX_SLL && linktype != DLT_LINUX_SLL2 && pcap_file(p) == NULL &&
           getsockopt(pcap_fileno(p), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           domain == AF_PACKET;
}

/* Sends as many of `count` packets as the kernel takes in one call. Returns how many: 0 on any
 * error. */
static int send_batch(pcap_t *p, const uint8_t *bytes, const uint32_t *lengths, int count) {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];

    count = count < BATCH ? count : BATCH;
    memset(messages, 0, (size_t)count * sizeof *messages);
    for (int i = 0; i < count; i++) {
        parts[i] = (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = lengths[i]};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        bytes += lengths[i];
    }
    int sent = sendmmsg(pcap_fileno(p), messages, (unsigned)count, 0);
    return sent < 0 ? 0 : sent;
}
#else
static int sends_plainly(pcap_t *p) {
    (void)p;
    return 0;
}

static int send_batch(pcap_t *p, const uint8_t *bytes, const uint32_t *lengths, int count) {
    (void)p, (void)bytes, (void)lengths, (void)count;
    return 0;
}
#endif

/*
 * Sends `count` packets that lie one after the other at `bytes`. If a batch does not take a packet,
 * because the queue is full or there is an error, it goes through libpcap, whose judgement counts.
 * Returns how many were sent. If that is less than `count`, pcap_geterr() says why.
 */
int luapcap_inject_all(pcap_t *p, const uint8_t *bytes, const uint32_t *lengths, int count) {
    int plain = sends_plainly(p);
    int done = 0;
    while (done < count) {
        int sent = plain ? send_batch(p, bytes, lengths + done, count - done) : 0;
        if (sent == 0) {
            if (luapcap_inject(p, bytes, lengths[done]) < 0)
                break;
            sent = 1;
        }
        for (; sent > 0; sent--)
            bytes += lengths[done++];
    }
    return done;
}
