/* The DLT names that the libpcap of this build defines, generated from its own header. */
#include "luapcap.h"

static const struct {
    const char *name;
    int value;
} dlts[] = {
#define LUAPCAP_DLT(name) {#name, DLT_##name},
#include "dlt_names.inc"
#undef LUAPCAP_DLT
};

#define DLT_COUNT ((int)(sizeof dlts / sizeof dlts[0]))

/*
 * The name, without DLT_, of the entry at `index` (from 0, in the header's order), or NULL past
 * the last one. The string is static.
 */
const char *luapcap_dlt_name(int index) {
    return index >= 0 && index < DLT_COUNT ? dlts[index].name : NULL;
}

/* The number of the entry at `index`, or -1 past the last one. */
int luapcap_dlt_value(int index) {
    return index >= 0 && index < DLT_COUNT ? dlts[index].value : -1;
}
