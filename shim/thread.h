/* Threads of the shim. */
#ifndef LUAPCAP_THREAD_H
#define LUAPCAP_THREAD_H

#include <pthread.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* these threads block SIGPIPE, as they do all signals */
#endif

int luapcap_thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                         void *argument);

#endif
