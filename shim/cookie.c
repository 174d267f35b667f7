/* A FILE of functions of our own: fopencookie() on Linux, funopen() elsewhere. */
#include <stdio.h>
#include "luapcap.h"

#if defined(__linux__) && !defined(HAVE_LINUX)
#include <bsd/stdio.h>
#endif

/*
 * A FILE to read what `read` gives. If `read` is NULL, it is a FILE that writes to `write`. `seek`
 * may be NULL. fclose() calls `close`, if there is one, with the cookie.
 */
FILE *luapcap_cookie(void *cookie, luapcap_cookie_read *read, luapcap_cookie_write *write,
                     luapcap_cookie_seek *seek, int (*close)(void *)) {
#ifdef HAVE_LINUX
    cookie_io_functions_t functions = {.read = read, .write = write, .seek = seek, .close = close};
    return fopencookie(cookie, read != NULL ? "rb" : "wb", functions);
#else
    return funopen(cookie, read, write, seek, close);
#endif
}
