/* Notes the signals that ask a program to end, for the command. The module sets no handler. */
#include <signal.h>
#include <string.h>
#include "luapcap.h"

static volatile sig_atomic_t noted;

static void note(int number) {
    noted = number;
}

/*
 * From here on the signal `number` is noted, once: the next one does again what it did by default,
 * so a program that does not end can be ended. It interrupts waits, and no read or write. A signal
 * that the program was started to ignore stays ignored. Returns 0, or -1 with errno.
 */
int luapcap_signal_note(int number) {
    struct sigaction action, before;
    if (sigaction(number, NULL, &before) != 0)
        return -1;
    if (before.sa_handler == SIG_IGN)
        return 0;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL);
}

/* The number of the signal that was noted last, or 0. */
int luapcap_signal_noted(void) {
    return noted;
}
