/* Files by their descriptors: tells which file it is, and opens one to write. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "luapcap.h"

/*
 * Writes a text into `text`, of `size` bytes, that is the same for all names and descriptors of one
 * file. Returns 1, or 0 if it is no file on a disk: a pipe or a device may be read and written at
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
 * Writes a text into `text`, of `size` bytes, that begins with what luapcap_file_identity() writes
 * and tells its size and last change too. So a new file that got the inode of a deleted one has
 * another text. Returns 1; or 0 if nothing is at `path`. What is no file on a disk has the text "".
 */
int luapcap_path_state(const char *path, char *text, size_t size) {
    struct stat status;
    text[0] = '\0';
    if (lstat(path, &status) != 0)
        return errno != ENOENT && errno != ENOTDIR;
    if (S_ISREG(status.st_mode))
        snprintf(text, size, "%ju:%ju:%jd:%jd.%09ld", (uintmax_t)status.st_dev,
                 (uintmax_t)status.st_ino, (intmax_t)status.st_size, (intmax_t)status.st_mtime,
                 status.st_mtim.tv_nsec);
    return 1;
}

/* Writes a file's size in bytes and the date of its last change, in seconds and nanoseconds, into
 * `numbers`. Returns 0, or -1 with errno. */
int luapcap_file_date(int fd, double *numbers) {
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -1;
    numbers[0] = (double)status.st_size;
    numbers[1] = (double)status.st_mtime;
    numbers[2] = (double)status.st_mtim.tv_nsec;
    return 0;
}

/*
 * Opens `path` to write. "-" gives a copy of stdout's descriptor, NULL a copy of `fd`. Nothing is
 * cut off. If `append` is not 0, all is written at the end. `*is_new` is set if this made the file.
 * Returns a descriptor, which the caller closes, or -1 with errno.
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
    /* O_CREAT again: a link may lead to a file that does not exist yet. */
    return opened >= 0 || errno != EEXIST ? opened : open(path, flags, 0666);
}
