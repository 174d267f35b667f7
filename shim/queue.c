/*
 * A thread that works off a queue, in order. After a failure it does nothing more, and the failure
 * is told to whoever puts or ends. A process that forks has the thread, its child has not: the
 * child's copy of the queue is dead.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "queue.h"
#include "thread.h"

typedef struct entry {
    struct entry *next;
    size_t size;
    int what;
    uint8_t bytes[];
} entry;

struct luapcap_queue {
    pthread_t thread;
    pid_t process;
    pthread_mutex_t lock; /* for first, last and is_ended */
    pthread_cond_t changed;
    entry *first;
    entry *last;
    int is_ended;
    atomic_size_t waiting; /* bytes */
    atomic_int error;
    luapcap_work *work;
    void *cookie;
};

/* The next entry, which the caller frees. It waits for one. NULL at the end. */
static entry *take(luapcap_queue *queue) {
    pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->is_ended)
        pthread_cond_wait(&queue->changed, &queue->lock);
    entry *it = queue->first;
    if (it != NULL) {
        queue->first = it->next;
        if (queue->first == NULL)
            queue->last = NULL;
    }
    pthread_mutex_unlock(&queue->lock);
    return it;
}

static void *run(void *argument) {
    luapcap_queue *queue = argument;
    entry *it;
    while ((it = take(queue)) != NULL) {
        if (atomic_load(&queue->error) == 0)
            atomic_store(&queue->error, queue->work(queue->cookie, it->bytes, it->size, it->what));
        atomic_fetch_sub(&queue->waiting, it->size);
        free(it);
    }
    return NULL;
}

/* Starts the thread, which calls work(cookie, ...) for each entry. `cookie` lives until
 * luapcap_queue_end(). Returns NULL with errno if there can be no thread. */
luapcap_queue *luapcap_queue_start(luapcap_work *work, void *cookie) {
    luapcap_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return NULL;
    queue->process = getpid();
    queue->work = work;
    queue->cookie = cookie;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, NULL);
    int error = luapcap_thread_start(&queue->thread, NULL, run, queue);
    if (error == 0)
        return queue;
    free(queue);
    errno = error;
    return NULL;
}

/* Adds a copy of the bytes. Returns 0, or an errno: that of an earlier failure, ENOMEM, or EPERM in
 * a child. */
int luapcap_queue_put(luapcap_queue *queue, const void *bytes, size_t size, int what) {
    int error = getpid() == queue->process ? atomic_load(&queue->error) : EPERM;
    entry *it = error == 0 ? malloc(sizeof *it + size) : NULL;
    if (it == NULL)
        return error != 0 ? error : ENOMEM;
    it->next = NULL;
    it->size = size;
    it->what = what;
    memcpy(it->bytes, bytes, size);
    atomic_fetch_add(&queue->waiting, size);
    pthread_mutex_lock(&queue->lock);
    if (queue->last != NULL)
        queue->last->next = it;
    else
        queue->first = it;
    queue->last = it;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    return 0;
}

/* How many bytes wait. */
size_t luapcap_queue_waiting(const luapcap_queue *queue) {
    return atomic_load(&queue->waiting);
}

/* Waits until everything is done, and frees the queue. Returns 0, or the errno of the failure. In a
 * child it does nothing: the thread may have held the lock when the process forked. */
int luapcap_queue_end(luapcap_queue *queue) {
    if (getpid() != queue->process)
        return 0;
    pthread_mutex_lock(&queue->lock);
    queue->is_ended = 1;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    pthread_join(queue->thread, NULL);
    int error = atomic_load(&queue->error);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
    return error;
}
