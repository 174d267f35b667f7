/*
 * Watches a file that grows: a descriptor becomes readable when somebody writes to the file,
 * renames it, or puts another one in its place. Linux has that (inotify). Elsewhere the caller
 * looks at the file every so often.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "luapcap.h"

/* Whether a path leads to another regular file than the descriptor. Not if it leads nowhere. */
int luapcap_file_moved(const char *path, int fd) {
    struct stat named, opened;
    return stat(path, &named) == 0 && fstat(fd, &opened) == 0 &&
           (named.st_dev != opened.st_dev || named.st_ino != opened.st_ino);
}

#ifdef HAVE_LINUX
#include <sys/inotify.h>
#include <sys/vfs.h>

/* File systems whose files other machines write: inotify does not hear of that. NFS, SMB, CIFS, 9p,
 * FUSE, Ceph. */
static int is_remote(int fd) {
    static const unsigned int kinds[] = {0x6969,     0x517b,     0xff534d42, 0xfe534d42,
                                         0x01021997, 0x65735546, 0x00c36400};
    struct statfs status;
    if (fstatfs(fd, &status) != 0)
        return 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if ((unsigned int)status.f_type == kinds[i])
            return 1;
    return 0;
}

/* Watches the folder that `path` is in, for files that are put there. */
static int watch_folder(int watch, const char *path) {
    char folder[PATH_MAX];
    const char *name = strrchr(path, '/');
    size_t length = name == NULL ? 0 : (size_t)(name - path);
    if (length >= sizeof folder)
        return -1;
    memcpy(folder, path, length);
    folder[length] = '\0';
    return inotify_add_watch(watch,
                             name == NULL  ? "."
                             : length == 0 ? "/"
                                           : folder,
                             IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

/*
 * Opens a watch. If `path` is not NULL, it tells when another file comes to that path. A link is
 * watched where it is and where it leads. `fd` is the file's. Returns a descriptor, which the
 * caller closes, or -1 with errno.
 */
int luapcap_watch_open(const char *path, int fd) {
    char where[PATH_MAX];
    if (is_remote(fd)) {
        errno = ENOSYS;
        return -1;
    }
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch < 0 || path == NULL)
        return watch;
    int watched = watch_folder(watch, path);
    if (watched >= 0 && realpath(path, where) != NULL)
        watched = watch_folder(watch, where);
    if (watched >= 0)
        return watch;
    int error = errno;
    close(watch);
    errno = error;
    return -1;
}

/* Watches a file. `hears_writes` is whether it tells of what is written to the file. May be called
 * again to change that. Returns a number for luapcap_watch_drop(), or -1 with errno. */
int luapcap_watch_add(int watch, int fd, int hears_writes) {
    char name[32];
    uint32_t writes = hears_writes ? IN_MODIFY : 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    return inotify_add_watch(watch, name, writes | IN_ATTRIB | IN_MOVE_SELF);
}

/* Ends the watching of a file. */
void luapcap_watch_drop(int watch, int number) {
    inotify_rm_watch(watch, number);
}

/* Forgets what has happened so far: the descriptor is no longer readable. */
void luapcap_watch_clear(int watch) {
    char events[4096];
    while (read(watch, events, sizeof events) == (ssize_t)sizeof events)
        ;
}

#else

int luapcap_watch_open(const char *path, int fd) {
    (void)path, (void)fd;
    errno = ENOSYS;
    return -1;
}

int luapcap_watch_add(int watch, int fd, int hears_writes) {
    (void)watch, (void)fd, (void)hears_writes;
    return -1;
}

void luapcap_watch_drop(int watch, int number) {
    (void)watch, (void)number;
}

void luapcap_watch_clear(int watch) {
    (void)watch;
}
#endif
