/* Waits for a descriptor, with a deadline. No signal is lost just before the wait. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>
#include "luapcap.h"

/* A wait is cut into pieces of so many seconds, which any system's time_t holds. */
#define LONGEST_WAIT 1e9
/* Descriptors that one wait is for. */
#define MOST (int)(sizeof(((luapcap_descriptors *)0)->fds) / sizeof(int32_t))

_Static_assert(sizeof(sigset_t) <= sizeof(((luapcap_signals *)0)->before), "room for a sigset_t");

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
 * Holds back all signals from this thread, until luapcap_wait(), luapcap_wait_fd() or
 * luapcap_signals_release() is given the same `signals`. That struct is the caller's. If a signal
 * comes meanwhile, the wait lets it through, and the signal ends the wait.
 */
void luapcap_signals_hold(luapcap_signals *signals) {
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return;
    memcpy(signals->before, &before, sizeof before);
    signals->held = 1;
}

/* Lets signals through again, as before luapcap_signals_hold(). If that was not called, this does
 * nothing. It keeps errno. */
void luapcap_signals_release(luapcap_signals *signals) {
    sigset_t before;
    if (!signals->held)
        return;
    int error = errno;
    memcpy(&before, signals->before, sizeof before);
    signals->held = 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
}

/* Waits once for input. `mask` is in force during the wait, and at no moment before or after it.
 * Returns as poll(). */
static int wait_once(const luapcap_descriptors *input, double seconds, const sigset_t *mask) {
    double limit = seconds < 0 ? 0 : seconds < LONGEST_WAIT ? seconds : LONGEST_WAIT;
    struct timespec time = {.tv_sec = (time_t)limit};
    time.tv_nsec = (long)((limit - (double)time.tv_sec) * 1e9);
#ifdef HAVE_PPOLL
    struct pollfd ready[MOST];
    for (int32_t i = 0; i < input->count; i++)
        ready[i] = (struct pollfd){.fd = input->fds[i], .events = POLLIN, .revents = 0};
    return ppoll(ready, (nfds_t)input->count, &time, mask);
#else
    fd_set set;
    int highest = -1;
    FD_ZERO(&set);
    for (int32_t i = 0; i < input->count; i++) {
        int fd = input->fds[i];
        if (fd >= FD_SETSIZE) {
            errno = EMFILE;
            return -1;
        }
        if (fd >= 0)
            FD_SET(fd, &set);
        highest = fd > highest ? fd : highest;
    }
    return pselect(highest + 1, &set, NULL, NULL, &time, mask);
#endif
}

static int wait_until(const luapcap_descriptors *input, double deadline, const sigset_t *mask) {
    for (;;) {
        double left = deadline - luapcap_monotonic();
        int n = wait_once(input, left, mask);
        if (n > 0)
            return 1;
        if (n < 0 && errno == EINTR)
            return 2;
        if (n < 0 && errno != EAGAIN)
            return -1;
        if (luapcap_monotonic() >= deadline)
            return 0;
    }
}

/*
 * Waits until a descriptor may be read, `timeout` seconds at the most (infinity: for ever; 0: only
 * looks). An error on the descriptor is a reason to read too: the read tells it. A negative
 * descriptor is never ready. luapcap_signals_hold() has held back `signals`. They are let through
 * during the wait, with no moment in between, and after it. Returns 1 if there is a reason to read;
 * 0 when the time is over; 2 after a signal, whose handlers in Lua the caller runs now; and -1 with
 * errno if it cannot wait.
 */
int luapcap_wait_fd(int fd, double timeout, luapcap_signals *signals) {
    luapcap_descriptors one = {.count = 1, .fds = {fd}};
    return luapcap_wait_any(&one, timeout, signals);
}

/* Waits as luapcap_wait_fd() does, until one of several descriptors may be read. */
int luapcap_wait_any(const luapcap_descriptors *descriptors, double timeout,
                     luapcap_signals *signals) {
    sigset_t mask;
    memcpy(&mask, signals->before, sizeof mask);
    int status =
        wait_until(descriptors, luapcap_monotonic() + timeout, signals->held ? &mask : NULL);
    luapcap_signals_release(signals);
    return status;
}

/*
 * Waits as luapcap_wait_fd() does, until a packet of a live capture may be there. Libpcap may ask
 * for a read every so often even if the descriptor is silent (pcap_get_required_select_timeout).
 * Then the wait ends at that time as if a packet had come.
 */
int luapcap_wait(pcap_t *p, double timeout, luapcap_signals *signals) {
    double pause = luapcap_required_timeout(p);
    int fd = pcap_get_selectable_fd(p);
    if (pause < 0 && fd < 0) {
        luapcap_signals_release(signals);
        errno = EBADF;
        return -1;
    }
    if (pause < 0 || pause >= timeout)
        return luapcap_wait_fd(fd, timeout, signals);
    int status = luapcap_wait_fd(fd, pause, signals);
    return status == 0 ? 1 : status;
}

/* The seconds after which libpcap asks for a read even if the descriptor is silent, or -1. */
double luapcap_required_timeout(pcap_t *p) {
    const struct timeval *required = pcap_get_required_select_timeout(p);
    return required == NULL ? -1 : (double)required->tv_sec + (double)required->tv_usec / 1e6;
}
