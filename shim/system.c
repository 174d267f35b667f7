/* What the system tells: its clock and its names. */
#include <stdio.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include "luapcap.h"

/* Gives `packet` the time of this moment, to the microsecond. */
void luapcap_now(luapcap_packet *packet) {
    struct timeval now;
    gettimeofday(&now, NULL);
    packet->sec = (double)now.tv_sec;
    packet->nsec = (double)now.tv_usec * 1000;
}

/* The seconds of the system's clock. Cheaper than luapcap_now(). */
double luapcap_second(void) {
    return (double)time(NULL);
}

/* Writes the names of the operating system and of the machine. Both buffers have `size` bytes. The
 * names are "" if they are unknown. */
void luapcap_system(char *os, char *hardware, size_t size) {
    struct utsname names;
    int known = uname(&names) >= 0;
    snprintf(os, size, "%s%s%s", known ? names.sysname : "", known ? " " : "",
             known ? names.release : "");
    snprintf(hardware, size, "%s", known ? names.machine : "");
}
