/* Runs what takes long in a thread, on behalf of an event loop: opening a device and closing it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "luapcap.h"
#include "thread.h"

/* The thread and the caller both have it. Whoever leaves it last frees it, and the handle. */
struct luapcap_errand {
    pthread_t thread;
    pcap_t *p;
    int pair;
    int status;
    int error;
    int parties;
};

/* Returns whether the other party has left before. */
static int leave(luapcap_errand *errand) {
    return __atomic_sub_fetch(&errand->parties, 1, __ATOMIC_ACQ_REL) == 0;
}

static void *activate(void *argument) {
    luapcap_errand *errand = argument;
    int pair = errand->pair;
    errno = 0;
    errand->status = pcap_activate(errand->p);
    errand->error = errno;
    if (errand->status >= 0)
        luapcap_close_on_exec(errand->p); /* before other code of the program starts one */
    if (leave(errand)) {
        pcap_close(errand->p);
        free(errand);
    } else {
        send(pair, "d", 1, MSG_NOSIGNAL);
    }
    close(pair);
    return NULL;
}

/*
 * Activates a handle in a thread, which then sends a byte to the stream socket `pair`. The thread
 * has a descriptor of its own for that. The handle belongs to the errand from here on. Returns it,
 * for luapcap_errand_take() or luapcap_errand_leave(); or NULL with errno, and then the handle
 * stays the caller's.
 */
luapcap_errand *luapcap_errand_activate(pcap_t *p, int pair) {
    luapcap_errand *errand = malloc(sizeof *errand);
    if (errand == NULL)
        return NULL;
    *errand = (luapcap_errand){.p = p, .parties = 2, .pair = fcntl(pair, F_DUPFD_CLOEXEC, 0)};
    int error =
        errand->pair < 0 ? errno : luapcap_thread_start(&errand->thread, NULL, activate, errand);
    if (error == 0)
        return errand;
    if (errand->pair >= 0)
        close(errand->pair);
    free(errand);
    errno = error;
    return NULL;
}

/* Waits until an errand is done, and frees it. The handle is the caller's again. Returns what
 * pcap_activate() returned, with its errno. */
int luapcap_errand_take(luapcap_errand *errand) {
    pthread_join(errand->thread, NULL);
    int status = errand->status, error = errand->error;
    free(errand);
    errno = error;
    return status;
}

/* Gives an errand up, whether it is done or not. Its handle will be closed. */
void luapcap_errand_leave(luapcap_errand *errand) {
    pthread_detach(errand->thread);
    if (leave(errand)) {
        pcap_close(errand->p);
        free(errand);
    }
}

/* How many handles threads are closing. */
static int closing;

int luapcap_closing_aside(void) {
    return __atomic_load_n(&closing, __ATOMIC_ACQUIRE);
}

static void *close_handle(void *argument) {
    pcap_close(argument);
    __atomic_sub_fetch(&closing, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* Closes a handle in a thread. If there can be none, it closes the handle here. */
void luapcap_close_aside(pcap_t *p) {
    pthread_t thread;
    __atomic_add_fetch(&closing, 1, __ATOMIC_RELAXED);
    if (luapcap_thread_start(&thread, NULL, close_handle, p) == 0)
        pthread_detach(thread);
    else
        close_handle(p);
}
