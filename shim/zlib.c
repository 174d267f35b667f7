/* Loads zlib when there is something to unpack or to pack. Others need no zlib, neither to run nor
 * to build. */
#include "gzip.h"

#ifdef HAVE_ZLIB_H
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Whether descriptors are short. Loading a library takes one, but dlopen() does not keep errno. So
 * this opens another file to see. Returns EMFILE or ENFILE, or 0. */
static int lacks_descriptors(void) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE ? errno : 0;
    close(fd);
    return 0;
}

/* Returns the library. NULL if there is none: then `*reason` is the system's errno, or 0 if zlib is
 * not installed. */
void *luapcap_zlib_load(int *reason) {
    static const char *const names[] = {"libz.so.1", "libz.so", "libz.1.dylib", "libz.dylib"};
    *reason = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library != NULL)
            return library;
    }
    *reason = lacks_descriptors();
    return NULL;
}

/* Finds a function. C has no cast from an object's pointer to a function's; POSIX has this one. */
int luapcap_zlib_find(void *library, const char *name, void *function) {
    *(void **)function = dlsym(library, name);
    return *(void **)function != NULL;
}
#endif
