/* Files by their descriptors: which file it is, and opening one to write. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "luapcap.h"

/*
 * Writes into `text`, of `size`, what is the same for all names and descriptors of one file.
 * Returns 1, or 0 for what is no file on a disk: a pipe or a device may be read and written at
 * once.
 */
int luapcap_file_identity(int fd, char *text, size_t size) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return 0;
    snprintf(text, size, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return 1;
}

/*
 * A descriptor to write with, the caller's to close, on `path` ("-": a copy of stdout's), or on a
 * copy of `fd` for NULL. Nothing is cut off. With `append` not 0 all is written at the end.
 * `*is_new` is set where this made the file. -1 with errno.
 */
int luapcap_file_open(const char *path, int fd, int append, int *is_new) {
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : 0);
    *is_new = 0;
    if (path == NULL)
        return fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (strcmp(path, "-") == 0)
        return fflush(stdout) == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) : -1;
    int opened = open(path, flags | O_EXCL, 0666);
    *is_new = opened >= 0;
    /* O_CREAT again: a link may lead to where nothing is yet. */
    return opened >= 0 || errno != EEXIST ? opened : open(path, flags, 0666);
}
