/* Threads that take none of the process's signals: those are for the program's own threads. */
#include <signal.h>
#include "thread.h"

/* Starts a thread with all signals blocked. Returns an errno. */
int luapcap_thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                         void *argument) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}
