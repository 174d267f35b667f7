/* Waits for a capture on behalf of an event loop that cannot watch foreign descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "luapcap.h"
#include "thread.h"

/* Enough for a few calls of poll() and recv(); the default is megabytes for each capture. */
#define STACK_SIZE 65536

/* What a waiting thread owns. */
typedef struct waiter {
    int socket;  /* its end of the pair */
    int capture; /* a dup: the capture may be closed before the thread sees its socket closed; or -1
                  */
} waiter;

/*
 * Listens on a socket in a new folder of its own under `folder`. No other user can enter the new
 * folder. Writes the socket's path to `path`. Returns the descriptor, or -1 with errno.
 * luapcap_pair_accept() ends both path and descriptor.
 */
int luapcap_pair_listen(const char *folder, char *path, size_t size) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(path, size, "%s/pcap-XXXXXX", folder);
    if (length < 0 || (size_t)length + 3 > size || (size_t)length + 3 > sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (mkdtemp(path) == NULL)
        return -1;
    memcpy(path + length, "/s", 3);
    memcpy(address.sun_path, path, (size_t)length + 3);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    unlink(path);
    path[length] = '\0';
    rmdir(path);
    errno = error;
    return -1;
}

/* Whether the process at the other end of a unix socket is this one. On systems other than Linux,
 * the folder's mode keeps others out. */
static int is_own(int fd) {
#ifdef HAVE_LINUX
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == getpid();
#else
    (void)fd;
    return 1;
#endif
}

/*
 * Takes the connection that this process has made to `listener`. Removes the listener, its path and
 * the folder, whatever the outcome. Returns a descriptor that is the caller's, or -1 with errno: it
 * is EPERM if the connection is another process's.
 */
int luapcap_pair_accept(int listener, char *path) {
    int fd = accept(listener, NULL, NULL);
    int error = errno;
    if (fd >= 0 &&
        (!is_own(fd) || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, 0) != 0)) {
        close(fd);
        fd = -1;
        error = EPERM;
    }
    close(listener);
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    errno = error;
    return fd;
}

/* Ends the pair for both sides: the thread ends, and the other side reads the end of the stream. */
void luapcap_pair_close(int fd) {
    shutdown(fd, SHUT_RDWR);
    close(fd);
}

/* Whether the other side of the pair still has it open. */
int luapcap_pair_is_open(int fd) {
    struct pollfd pair = {.fd = fd, .events = 0, .revents = 0};
    return poll(&pair, 1, 0) <= 0; /* a signal may end it */
}

/* Reads one whole request; 0 when the pair has been closed. It waits with poll(): recv() would wake
 * up also when the other side takes the answer. */
static int receive(int fd, uint32_t *request) {
    struct pollfd ready = {.fd = fd, .events = POLLIN, .revents = 0};
    size_t got = 0;
    while (got < sizeof *request) {
        if (poll(&ready, 1, -1) < 0)
            return 0;
        ssize_t n = recv(fd, (char *)request + got, sizeof *request - got, 0);
        if (n <= 0)
            return 0;
        got += (size_t)n;
    }
    return 1;
}

/* Polls for at most `ms` milliseconds. Returns the byte for the other side, or 0 when the pair has
 * been closed. */
static char watch(const waiter *w, uint32_t ms) {
    struct pollfd ready[2] = {{.fd = w->socket, .events = POLLIN, .revents = 0},
                              {.fd = w->capture, .events = POLLIN, .revents = 0}};
    int n = poll(ready, 2, ms > INT_MAX ? INT_MAX : (int)ms);
    /* The other side is silent while it waits for us. So whatever it says means the end. */
    if (n < 0 || ready[0].revents != 0)
        return 0;
    return n > 0 ? 'p' : 't';
}

static void *run(void *argument) {
    waiter *w = argument;
    uint32_t timeout;
    while (receive(w->socket, &timeout)) {
        char answer = watch(w, timeout);
        if (answer == 0 || send(w->socket, &answer, 1, MSG_NOSIGNAL) != 1)
            break;
    }
    if (w->capture >= 0)
        close(w->capture);
    close(w->socket);
    free(w);
    return NULL;
}

/* Starts a detached thread. Returns an errno. */
static int start(waiter *w) {
    pthread_attr_t attributes;
    pthread_t thread;
    size_t size = STACK_SIZE < PTHREAD_STACK_MIN ? PTHREAD_STACK_MIN : STACK_SIZE;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    pthread_attr_setstacksize(&attributes, size);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    error = luapcap_thread_start(&thread, &attributes, run, w);
    pthread_attr_destroy(&attributes);
    return error;
}

/*
 * Starts a thread that answers requests on the stream socket `pair`. Each request is a uint32_t:
 * how many milliseconds to wait for a packet. Each answer is one byte: 'p' if there is a reason to
 * read the capture, 't' when the time is over. Only one request is under way at a time. The thread
 * has descriptors of its own, so the caller keeps both of its descriptors. The thread ends, and
 * frees everything, when luapcap_pair_close() or the other side closes the pair. Call this in the
 * process that waits, after its fork. `fd` is the capture's descriptor, or -1 for one that is never
 * ready. Returns 0, or -1 with errno.
 */
int luapcap_waiter_start(int fd, int pair) {
    int error;
    waiter *w = malloc(sizeof *w);
    if (w == NULL)
        return -1;
    w->capture = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    w->socket = fcntl(pair, F_DUPFD_CLOEXEC, 0);
    error = (fd >= 0 && w->capture < 0) || w->socket < 0 ? errno : start(w);
    if (error == 0)
        return 0;
    if (w->capture >= 0)
        close(w->capture);
    if (w->socket >= 0)
        close(w->socket);
    free(w);
    errno = error;
    return -1;
}

/*
 * Marks a capture as taken, among all processes that inherited it. Returns 1 if none had taken it
 * before; or -1 with errno. Returns 0 if one had: this process does not know where in the ring that
 * one was reading. The mark is the descriptor's signal for input, which the descriptor is not set
 * to send. The kernel keeps it where all processes see it, and longer than any of them lives.
 */
int luapcap_take(pcap_t *p) {
#ifdef HAVE_LINUX
    int fd = pcap_fileno(p);
    int taken = fcntl(fd, F_GETSIG);
    if (taken < 0 || fcntl(fd, F_SETSIG, SIGIO) != 0)
        return -1;
    return taken == 0;
#else
    (void)p;
    return 1;
#endif
}
