/* Threads of the shim. */
#ifndef LUAPCAP_THREAD_H
#define LUAPCAP_THREAD_H

#include <pthread.h>

int luapcap_thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                         void *argument);

#endif
