/* Libraries that are loaded only when somebody wants what they do. */
#ifndef LUAPCAP_LIBRARY_H
#define LUAPCAP_LIBRARY_H

#include <stddef.h>

typedef struct luapcap_library {
    const char *package;  /* Debian's */
    const char *names[5]; /* the last is NULL */
} luapcap_library;

void *luapcap_library_load(const luapcap_library *wanted, const char *who, char *error,
                           size_t size);
int luapcap_library_find(void *library, const char *name, void *function);

#endif
