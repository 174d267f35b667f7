/* Loads a library when there is something to unpack or to pack. Others need no such library. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "library.h"

/* Whether descriptors are short. Loading a library takes one, but dlopen() does not keep errno. So
 * this opens another file to see. Returns EMFILE or ENFILE, or 0. */
static int lacks_descriptors(void) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE ? errno : 0;
    close(fd);
    return 0;
}

/*
 * Loads a library by the first of its names. `who` begins the message. Returns the library, which
 * stays open: another capture may use it, or want it again. NULL with the reason in `error` and
 * errno, which is 0 if it is not installed.
 */
void *luapcap_library_load(const luapcap_library *wanted, const char *who, char *error,
                           size_t size) {
    for (const char *const *name = wanted->names; *name != NULL; name++) {
        void *library = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
        if (library != NULL)
            return library;
    }
    int reason = lacks_descriptors();
    if (reason != 0)
        snprintf(error, size, "%s cannot be loaded: %s", who, strerror(reason));
    else
        snprintf(error, size, "%s is not installed (Debian's %s)", who, wanted->package);
    errno = reason;
    return NULL;
}

/* Finds a function. C has no cast from an object's pointer to a function's; POSIX has this one. */
int luapcap_library_find(void *library, const char *name, void *function) {
    *(void **)function = dlsym(library, name);
    return *(void **)function != NULL;
}
