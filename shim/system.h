/*
 * Decides what the shim uses of its system. Nothing else decides that. With -DLUAPCAP_PORTABLE it
 * uses nothing that only Linux has. So what other systems get can be tried on Linux, where libbsd
 * has BSD's funopen().
 */
#ifndef LUAPCAP_SYSTEM_H
#define LUAPCAP_SYSTEM_H

#if defined(__linux__) && !defined(LUAPCAP_PORTABLE)
#define HAVE_LINUX 1
#endif

/* macOS has no ppoll(). pselect() does the same for the first FD_SETSIZE descriptors. */
#if !defined(__APPLE__) && !defined(LUAPCAP_PORTABLE)
#define HAVE_PPOLL 1
#endif

/* macOS gives the member another name than POSIX. */
#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

#if defined(HAVE_LINUX) || (defined(__FreeBSD__) && !defined(LUAPCAP_PORTABLE))
#define HAVE_FWRITE_UNLOCKED 1
#endif

/* The C library decides how a FILE tells what is in its buffer. Linux has others than glibc: musl
 * tells through <stdio_ext.h>. */
#if defined(__GLIBC__)
#define HAVE_GLIBC_FILE 1
#elif defined(__linux__)
#define HAVE_FREADAHEAD 1
#elif defined(__FreeBSD__) || defined(__NetBSD__) || defined(__APPLE__)
#define HAVE_BSD_FILE 1
#endif

#endif
